"""What the unit allows, and whether a traced daemon kept to it.

No systemd runs in the tests, so its promises are checked the other way round:
each system call and each path of a daemon under strace is held against the
unit's directives."""
import collections
import glob
import os
import re
import subprocess

WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
# The calls whose path is changed, with the number of that argument.
CHANGING = {"unlink": 0, "unlinkat": 1, "rename": 1, "renameat": 3, "renameat2": 3, "mkdir": 0, "mkdirat": 1,
            "chmod": 0, "fchmodat": 1, "chown": 0, "fchownat": 1, "link": 1, "symlink": 1, "truncate": 0, "mknod": 0,
            "mknodat": 1, "rmdir": 0}
# Refused by the sandbox, and done without: malloc(3) asks whether memory is
# overcommitted when it gives some back, and takes no answer for "no".
DISPENSABLE = {"/proc/sys/vm/overcommit_memory"}


def directives(unit):
    found = collections.defaultdict(list)
    with open(unit, encoding="utf-8") as f:
        for line in f:
            name, equals, value = line.strip().partition("=")
            if equals and not line.startswith("#"):
                found[name].append(value)
    return found


def group(name):
    """The system calls of a group of systemd's."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True,
                          timeout=60).stdout
    calls = set()
    for word in (line.strip() for line in text.splitlines()[1:]):
        if word and not word.startswith("#"):
            calls |= group(word)
    return calls


def allowed_calls(unit):
    """systemd.exec(5): the first line decides that it is a list of what is allowed."""
    allowed = set()
    for number, line in enumerate(directives(unit)["SystemCallFilter"]):
        deny = line.startswith("~")
        if number == 0 and deny:
            raise AssertionError("the filter has to begin with what is allowed")
        for name in line.lstrip("~").split():
            calls = group(name)
            allowed = allowed - calls if deny else allowed | calls
    return allowed | group("@default")


def named(arguments):
    """(path, what stands behind it) of all paths in the arguments of a call; those that
    begin at the descriptor of a directory, which strace -y names, as a whole."""
    return [(os.path.join(found.group(1) or "", found.group(2)), arguments[found.end():])
            for found in re.finditer(r'(?:<([^>]*)>, )?"([^"]*)"', arguments)]


class Trace:
    """The files that `strace -f -y` has written."""

    LINE = re.compile(r"^(?:\d+\s+)?([a-z_0-9]+)\((.*)$")

    def __init__(self, directory):
        self.calls = collections.Counter()
        self.lines = collections.defaultdict(set)  # of the calls that are looked at closely
        files = glob.glob(os.path.join(directory, "trace.*"))
        if not files:
            raise AssertionError("nothing was traced")
        for name in files:
            with open(name, encoding="utf-8", errors="replace") as f:
                for line in f:
                    if found := self.LINE.match(line):
                        call, rest = found.groups()
                        self.calls[call] += 1
                        if call in CHANGING or call in CLOSELY:
                            self.lines[call].add(rest)

    def paths(self):
        """(call, path, is it written to) of all that was opened or changed."""
        for call in ("open", "openat"):
            for rest in self.lines[call]:
                if " = -1 E" in rest:
                    continue
                for path, behind in named(rest)[:1]:
                    yield call, path, bool(WRITING.search(behind))
        for call, number in CHANGING.items():
            for rest in self.lines[call]:
                if " = -1 E" not in rest:
                    for path, _ in named(rest)[-1:]:
                        yield call, path, True
        for rest in self.lines["bind"]:
            if (found := re.search(r'sun_path="([^"]*)"', rest)) and " = -1 E" not in rest:
                yield "bind", found.group(1), True

    def families(self):
        return {found.group(0) for rest in self.lines["socket"] if (found := re.match(r"AF_\w+", rest))}

    def writable_code(self):
        """Memory that could be written and executed, or became executable later."""
        return [rest for call in ("mmap", "mprotect", "pkey_mprotect") for rest in self.lines[call]
                if "PROT_WRITE" in rest and "PROT_EXEC" in rest] + \
               [rest for rest in self.lines["mprotect"] if "PROT_EXEC" in rest]

    def new_namespaces(self):
        return [rest for call in ("clone", "clone3", "unshare", "setns") for rest in self.lines[call] if "CLONE_NEW" in rest]


CLOSELY = {"open", "openat", "bind", "socket", "mmap", "mprotect", "pkey_mprotect", "clone", "clone3", "unshare", "setns"}


def forbidden(path, written, own):
    """The directive that would not let the daemon open it, None when all would.
    `own` says whether a path is one of those that the unit lets it write to."""
    if own(path) or path in DISPENSABLE or path in ("/dev/null", "/dev/log"):
        return None
    if path.startswith("/dev/") and path not in ("/dev/urandom", "/dev/random"):
        return "PrivateDevices"
    if written:
        return "ProtectSystem=strict"
    if path.startswith(("/home/", "/root/", "/run/user/")):
        return "ProtectHome"
    if path.startswith("/proc/") and not re.match(r"/proc/(self|thread-self|\d+)(/|$)", path):
        return "ProcSubset=pid"
    return None
