"""A query's rows as csv, ndjson and json: how fast, and in how much memory."""
from harness import command

MIB = 2 ** 20


def forms(world, report):
    """a result of a million rows, read in pieces of 128 KiB; times are of the processor"""
    count = 100000 if world.quick else 1000000
    program = world.build / "tests/bench/rows"
    for form, wanted in (("csv", 1000), ("ndjson", None), ("json", None)):
        runs = []
        for _ in range(world.rounds(5)):
            words = command([program, form, str(count)]).stdout.split()
            runs.append((int(words[0]), int(words[1]), float(words[2]), int(words[3])))
        answer, made, took, _ = min(runs, key=lambda run: run[2])
        report.add("rows", f"{form} of {count} rows, for 200 MB of the answer",
                   took / answer * 200e6 * 1000, wanted, "ms",
                   f"{answer / took / 1e6:.0f} MB/s; {answer / 1e6:.0f} MB, "
                   f"{made / 1e6:.0f} as {form}; the best of {len(runs)}")
        report.add("rows", f"{form} of {count} rows, memory above the answer's",
                   max(run[3] for run in runs) / MIB, 32 if wanted else None, "MiB")
        report.table(f"rows-{form}", ["answer_bytes", "made_bytes", "seconds", "peak_bytes"],
                     *[list(run) for run in runs])


FIGURES = {"rows": forms}
