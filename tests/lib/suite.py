"""The frame of every test program here: one line a test, and at the end
`N passed, N failed, N skipped`, by which tests/run counts.

A test is a function marked with @test; its name, with blanks for underscores,
is a sentence about behaviour.  It passes when it returns, is skipped when it
raises Skip and fails on anything else."""
import os
import sys
import time
import traceback

_tests = []


class Skip(Exception):
    """This cannot be tested here; says why."""


def test(function):
    _tests.append(function)
    return function


def sanitized(program):
    """Was it built with a sanitizer?  Then it is slower, and has memory, files and system
    calls that are not its own."""
    with open(program, "rb") as f:
        octets = f.read()
    return b"__asan_init" in octets or b"__tsan_init" in octets


def same(found, wanted, what):
    """Octets and short values: shows where they begin to differ."""
    if found == wanted:
        return
    if isinstance(found, bytes) and isinstance(wanted, bytes):
        at = len(os.path.commonprefix([found, wanted]))
        raise AssertionError(f"{what}: differ at octet {at} ({len(found)} and {len(wanted)} octets)\n"
                             f"  found  ...{found[max(0, at - 60):at + 120]!r}\n"
                             f"  wanted ...{wanted[max(0, at - 60):at + 120]!r}")
    if isinstance(found, list) and isinstance(wanted, list):
        at = next((n for n, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
        what += f", from number {at} of {len(found)} and {len(wanted)}"
        found, wanted = found[at:], wanted[at:]
        if found and wanted and isinstance(found[0], bytes):
            same(found[0], wanted[0], what)
    raise AssertionError(f"{what}:\n  found  {short(found)}\n  wanted {short(wanted)}")


def listening(path):
    """Whether a process listens at this unix socket.  The file is there as soon as the socket is bound, and who
    connects before it listens is refused; trying it with a connection would be a session for a milter."""
    with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as f:
        # Num RefCount Protocol Flags Type St Inode Path; the flag is __SO_ACCEPTCON.
        sockets = [line.rstrip("\n").split(None, 7) for line in f.readlines()[1:]]
    return any(words[7:] == [path] and int(words[3], 16) & 0x10000 for words in sockets)


def short(value):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 1000 else text[:1000] + "..."


def has(text, *words):
    for word in words:
        assert word in text, f"{word!r} is not in {short(text)}"


def run(words, *arguments):
    """Runs the tests whose title has one of the words in it; returns the exit
    status.  Each gets the same arguments."""
    return run_titled(((function.__name__.replace("_", " "), function) for function in _tests), words, *arguments)


def run_titled(tests, words, *arguments):
    passed = failed = skipped = 0
    tests = list(tests)
    if words and not any(word in title for word in words for title, _ in tests):
        print("no test has one of these words in its title; there are:", *(f"  {title}" for title, _ in tests), sep="\n")
    for title, function in tests:
        if words and not any(word in title for word in words):
            continue
        began = time.monotonic()
        try:
            function(*arguments)
        except Skip as why:
            skipped += 1
            print(f"skip  {title}: {why}", flush=True)
        except Exception as why:  # a failed test must not keep the others from running
            failed += 1
            print(f"FAIL  {title} ({time.monotonic() - began:.1f} s)", flush=True)
            if not isinstance(why, AssertionError):
                traceback.print_exc(file=sys.stdout)
            else:
                where = traceback.extract_tb(why.__traceback__)[-1]
                print(f"      {os.path.basename(where.filename)}:{where.lineno}: {where.line}")
                print("      " + str(why).replace("\n", "\n      "), flush=True)
        else:
            passed += 1
            print(f"ok    {title} ({time.monotonic() - began:.1f} s)", flush=True)
    return total(passed, failed, skipped)


def total(passed, failed, skipped):
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or passed + skipped == 0 else 0
