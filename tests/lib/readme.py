"""Commands of the README, to be run as printed."""
import pathlib
import re

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


def commands(heading):
    """Of a section: [command]. A line that begins with "    $ " is one, and goes on where it
    ends in a backslash."""
    text = README.read_text()
    section = re.split(r"^## ", text.split(f"\n## {heading}\n", 1)[1], flags=re.M)[0]
    found = re.findall(r"^    \$ ((?:.*\\\n)*.*)$", section, re.M)
    return [re.sub(r"\\\n +", r"\\\n", c) for c in found]
