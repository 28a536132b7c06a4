"""What `make check` has found in a build directory: each GoogleTest case (of
cases.json, see GTEST_OUTPUT) and each other test program counts as one."""
import json
import os
import re
import sys

import suite

UNIT = "tests/unit/unit"


def programs(build):
    """(name, result) of each program automake has run."""
    for folder, _, files in os.walk(build):
        for file in sorted(files):
            if file.endswith(".trs"):
                path = os.path.join(folder, file)
                with open(path, encoding="utf-8") as f:
                    result = re.search(r"^:global-test-result: (\S+)", f.read(), re.MULTILINE)
                yield os.path.relpath(path, build)[:-len(".trs")], result.group(1) if result else "ERROR"


def tail(build, name):
    try:
        with open(os.path.join(build, name + ".log"), encoding="utf-8", errors="replace") as f:
            return "      " + "      ".join(f.readlines()[-60:])
    except FileNotFoundError:
        return "      it has no log\n"


def cases(build):
    """(name, result, text) of each GoogleTest case."""
    with open(os.path.join(build, "cases.json"), encoding="utf-8") as f:
        report = json.load(f)
    for group in report["testsuites"]:
        for case in group["testsuite"]:
            failures = "\n".join(failure["failure"] for failure in case.get("failures", []))
            result = "FAIL" if failures else "SKIP" if case["result"] == "SKIPPED" else "PASS"
            yield f"{group['name']}.{case['name']}", result, failures


def main():
    build = sys.argv[1]
    passed = failed = skipped = 0
    found = dict(programs(build))
    if not found:
        print("FAIL  make check has run nothing")
        return suite.total(0, 1, 0)
    for name, result in sorted(found.items()):
        if name == UNIT and os.path.exists(os.path.join(build, "cases.json")):
            continue
        if result == "PASS":
            passed += 1
            print(f"ok    {name}")
        elif result == "SKIP":
            skipped += 1
            print(f"skip  {name}\n{tail(build, name)}", end="")
        else:
            failed += 1
            print(f"FAIL  {name}: {result}\n{tail(build, name)}", end="")
    if UNIT not in found:
        failed += 1
        print(f"FAIL  {UNIT} was not run")
    elif os.path.exists(os.path.join(build, "cases.json")):
        good = 0
        for name, result, text in cases(build):
            if result == "PASS":
                good += 1
            elif result == "SKIP":
                skipped += 1
                print(f"skip  {name}")
            else:
                failed += 1
                print(f"FAIL  {name}\n      " + text.replace("\n", "\n      "))
        passed += good
        print(f"ok    {good} cases of {UNIT}")
        if found[UNIT] != "PASS" and not failed:  # a sanitizer, or a crash after the last case
            failed += 1
            print(f"FAIL  {UNIT}: {found[UNIT]}\n{tail(build, UNIT)}", end="")
    return suite.total(passed, failed, skipped)


if __name__ == "__main__":
    sys.exit(main())
