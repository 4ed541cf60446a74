"""The run's tables as SVG, by gnuplot."""
import subprocess

SCALE = """
set terminal svg size 760,420 background "white"
set output "{out}/scale.svg"
set datafile separator ","
set logscale xy
set format x "%.0s%c"
set grid
set key left top
set xlabel "pages"
set ylabel "seconds"
set y2label "resident MiB"
set y2tics
set logscale y2
set title "mount and ls against the number of pages"
plot "{out}/scale.csv" skip 1 using 1:2 with linespoints title "ls after a first mount, s", \\
     "" skip 1 using 1:3 with linespoints title "ls after a remount, s", \\
     "" skip 1 using 1:6 with linespoints title "curl reads the same list, s", \\
     "" skip 1 using 1:($5/1024) axes x1y2 with linespoints title "resident, MiB"
"""

PEERS = """
set terminal svg size 760,420 background "white"
set output "{out}/peers.svg"
set datafile separator ","
set style data histograms
set style histogram clustered gap 2
set style fill solid 0.8 border
set boxwidth 0.9
set logscale y
set yrange [0.1:*]
set grid y
set key left top
set ylabel "times the local disk (log)"
set title "warm walks of 200 pages: how many times slower than the local disk"
plot for [i=2:{last}] "{out}/peers.csv" using i:xtic(1) title columnheader(i)
"""


def gnuplot(script):
    subprocess.run(["gnuplot", "-"], input=script, text=True, check=True)


def draw(report):
    """Whatever of it was measured; the names of the files."""
    drawn = []
    if "scale" in report.tables:
        gnuplot(SCALE.format(out=report.out))
        drawn.append("scale.svg")
    if "peers" in report.tables:
        gnuplot(PEERS.format(out=report.out, last=len(report.tables["peers"][0])))
        drawn.append("peers.svg")
    return drawn
