"""tally.py TESTLOG.json: counts single test cases out of meson's log of test programs.

A program here is a pytest file or a cmocka binary; each tells its cases in its own way.
A program that failed without naming a case (a crash, a timeout) is one failed case.
Prints why cases were skipped, what failed, and last `N passed, N failed[, N skipped]`.
"""
import json
import re
import sys

PYTEST = re.compile(r"^(?:=+ )?((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.M)
WORDS = {"passed": "passed", "xfailed": "skipped", "skipped": "skipped", "failed": "failed",
         "xpassed": "failed", "error": "failed", "errors": "failed"}


def of_pytest(text):
    found = PYTEST.findall(text)
    if not found:
        return None
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for number, word in re.findall(r"(\d+) (\w+)", found[-1]):
        if word in WORDS:
            counts[WORDS[word]] += int(number)
    return counts


def of_cmocka(text):
    """Both of cmocka's outputs: its own, where each case says how it ended, and TAP."""
    ended = {kind: set(re.findall(rf"^\[ *{kind} *\] (\w+)$", text, re.M))
             for kind in ("OK", "FAILED", "ERROR", "SKIPPED")}   # failures are listed twice
    own = {"passed": len(ended["OK"]), "failed": len(ended["FAILED"] | ended["ERROR"]),
           "skipped": len(ended["SKIPPED"])}
    tap = {"passed": len(re.findall(r"^ok (?!.*# SKIP)", text, re.M)),
           "failed": len(re.findall(r"^not ok ", text, re.M)),
           "skipped": len(re.findall(r"^ok .*# SKIP", text, re.M))}
    return next((c for c in (own, tap) if any(c.values())), None)


def count(test):
    text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    counts = of_pytest(text) or of_cmocka(text) or {"passed": 0, "failed": 0, "skipped": 0}
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP" and not any(counts.values()):
        counts["skipped"] = 1
    elif good and not any(counts.values()):
        counts["passed"] = 1
    elif not good and test["result"] != "SKIP" and not counts["failed"]:
        counts["failed"] = 1
    return counts, text


def main(path):
    total = dict.fromkeys(("passed", "failed", "skipped"), 0)
    with open(path) as log:
        tests = [json.loads(line) for line in log]
    for test in tests:
        counts, text = count(test)
        for key in total:
            total[key] += counts[key]
        for line in re.findall(r"^SKIPPED \[\d+\] .*$", text, re.M):
            print(f"{test['name']}: {line}")
        if counts["failed"]:
            print(f"\n---- {test['name']}: {test['result']}\n{text[-20000:]}")
    if not any(total.values()):
        total["failed"] = 1
    line = f"{total['passed']} passed, {total['failed']} failed"
    print(line + (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except FileNotFoundError:
        print(f"no test ran: {sys.argv[1]} is missing\n0 passed, 1 failed")
        sys.exit(1)
