"""Side by side measurements and the report of them.

A figure compares ways of doing the same thing in one run: paired() does them in turn, A B
A B, so that whatever else the machine does falls on all alike, and a ratio is the median
of the ratios of each turn. Seconds alone are never a result.
"""
import csv
import dataclasses
import pathlib
import statistics
import subprocess
import time


class NotMeasured(Exception):
    """The figure cannot be had here; the reason is for people."""


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def paired(ways, rounds, report=None, name="", rest=0.0):
    """{label: [seconds, ...]} of ways {label: callable}. Every other round goes backwards,
    since to be first, or behind a slow one, may be an advantage. With `rest`, each way is
    gone once unmeasured and then left alone so long: what is measured is warm, its own
    forerunner has left nothing to be worked off, and names and times that a file system
    lets the kernel keep for less than that have run out."""
    labels = list(ways)
    times = {label: [] for label in labels}
    for i in range(rounds):
        for label in labels if i % 2 == 0 else reversed(labels):
            if rest:
                ways[label]()
                time.sleep(rest)
            times[label].append(seconds(ways[label]))
    if report:
        for label in labels:
            report.samples += [(name, label, i, t) for i, t in enumerate(times[label])]
    return times


def ratios(times, what, to):
    return [a / b for a, b in zip(times[what], times[to])]


def ratio(times, what, to):
    return statistics.median(ratios(times, what, to))


def spread(values):
    """For a note: what the median stands among."""
    return f"{min(values):.2f} to {max(values):.2f}"


def ms(values):
    return f"{statistics.median(values) * 1000:.1f} ms"


def command(words, cwd=None, ok=(0,), **kw):
    """Output is thrown away through a pipe: grep looks whether it writes to /dev/null, and
    then stops at the first match."""
    done = subprocess.run([str(w) for w in words], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    if done.returncode not in ok:
        raise NotMeasured(f"{' '.join(map(str, words))[:200]}: {done.returncode}: "
                          f"{done.stderr.decode(errors='replace')[:400]}")
    return done


@dataclasses.dataclass
class Row:
    figure: str
    what: str
    reached: object
    wanted: object      # a number at most, or None: told for the reader alone
    unit: str = ""
    note: str = ""

    @property
    def met(self):
        if self.reached is None:
            return "not measured"
        if self.wanted is None:
            return ""
        return "yes" if self.reached <= self.wanted else "no"


def shown(value):
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


class Report:
    """Rows as they come; all of them as files at the end."""

    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.rows = []
        self.samples = []       # (figure, way, round, seconds)
        self.tables = {}        # name -> (columns, rows): data of the plots

    def add(self, figure, what, reached, wanted=None, unit="", note=""):
        row = Row(figure, what, reached, wanted, unit, note)
        self.rows.append(row)
        print(f"{what:<58} {shown(reached):>10} {shown(wanted):>8} {unit:<9} "
              f"{row.met:<4} {note}", flush=True)

    def missing(self, figure, reason):
        self.add(figure, figure, None, note=reason)

    def table(self, name, columns, *rows):
        self.tables.setdefault(name, (columns, []))[1].extend(rows)

    def complete(self):
        return all(row.reached is not None for row in self.rows)

    def write(self):
        fields = ("figure", "what", "reached", "wanted", "unit", "met", "note")
        write_csv(self.out / "figures.csv", fields,
                  [[getattr(row, f) for f in fields] for row in self.rows])
        write_csv(self.out / "samples.csv", ("figure", "way", "round", "seconds"),
                  self.samples)
        for name, (columns, rows) in self.tables.items():
            write_csv(self.out / f"{name}.csv", columns, rows)


def write_csv(path, columns, rows):
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(rows)
