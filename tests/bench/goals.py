"""The goals, and how each is measured: every function gives Figures, whose
`value` has to be at most `limit`."""
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import bench_site
import slow

SMALL, LARGE = 10_000, 25_000_000
GOALS = []


# What stands between a goal that was missed and the figure.
BOUNDS = {
    "P1": "Beside the signature and the packets: the check of the finished signature (a public-key operation, and OpenSSL's reading of "
          "what was written), one header field to change, one line of the log, and some hundred small allocations, all in caches that the "
          "kernel's work on the packets has emptied (`tests/bench/library` shows the same work in one process).",
    "P2": "Against opendkim: as P1; it digests the message and signs, and writes one field.",
    "P3": "As P1; with P-256 the signature itself is a small part, so that what is around it counts.",
    "P4": "The message is read twice more than by who only sends it back: for SHA-256, and for what must not travel as it is.",
    "P5": "Encoded text is new memory, more than twice the size of what came, and fresh pages are dear in a virtual machine.",
    "P7": "Two public-key operations' worth of OpenSSL (the signature, and reading the SignedData without its certificates), the result "
          "field and a line of the log, with caches that the kernel's work on the packets has emptied.",
    "P8": "Opaque content is decoded from base64 into new memory, where clear content is only looked at: see P5.",
    "P9": "One line of the log, a write(2) more than who accepts at end-of-header needs.",
    "P10": "libmilter's thread that watches idle connections hands all of them to poll(2), each time one begins or ends to be idle.",
    "P11": "Two at a time wait for one another where the memory and the kernel's locks are shared.",
    "P12": "The start reads 100,000 files.",
    "worst": "The text of winmail.dat is unpacked, up to twice the size of the message, and then read word by word.",
    "P15": "On two processors the load client, the daemon's two messages and the reload want three: a message waits for a time slice of "
           "the reload, which asks stat(2) for each of 100,000 files that have not changed.",
}


class Figure:
    """One line of the table.  `limit` None: nothing was promised.  Without `unit`: a ratio."""

    def __init__(self, what, value, limit, text="", unit=""):
        self.what, self.value, self.limit, self.text, self.unit = what, value, limit, text, unit

    def shown(self, number):
        return f"{number:.0f} {self.unit}" if number >= 1000 else f"{number:.3g} {self.unit}".rstrip()

    @property
    def met(self):
        return self.limit is None or self.value <= self.limit


def goal(name):
    def add(function):
        GOALS.append((name, function))
        return function
    return add


class Bench:
    """Measures each thing once and remembers it, so that goals share what they divide by."""

    def __init__(self, site, rounds, quick):
        self.site, self.rounds, self.quick = site, rounds, quick
        self.large = 1_000_000 if quick else LARGE
        self.messages = 20 if quick else 400
        self.known = {}
        self.library = {}

    def load(self, role, files, *options, start=None):
        if role in ("noop", "early", "replace", "plain"):
            self.site.reference(role)
        else:
            self.site.start(role, keys="p256" if role.endswith("p256") else "rsa2048", **(start or {}))
        key = (role, str(files), options)
        if key not in self.known:
            runs = [self.site.load(role, files, *options) for _ in range(self.rounds)]
            best = min(runs, key=lambda r: r["cpu_ms"])
            for least in ("answer_ms_p50", "message_ms_p50"):
                best[least] = min(r[least] for r in runs)
            best["rss_peak_kb"] = max(r["rss_peak_kb"] for r in runs)
            best["rss_start_kb"] = runs[0]["rss_start_kb"]
            best["rss_end_kb"] = runs[-1]["rss_end_kb"]
            self.known[key] = best
        return self.known[key]

    def small(self, role, files, expect, connections=2):
        return self.load(role, files, "--messages", self.messages, "--connections", connections, "--warmup", 20,
                         "--expect", expect)

    def big(self, role, files, expect, messages=4):
        return self.load(role, files, "--messages", messages, "--warmup", 1, "--expect", expect)

    def raw(self, name):
        """Milliseconds of a benchmark of tests/bench/library."""
        if name not in self.library:
            self.library.update(run_library(self.site, f"^{name}$", self.quick))
        return self.library[name]


def run_library(site, pattern, quick):
    words = [site.program("tests/bench/library"), f"--benchmark_filter={pattern}", "--benchmark_format=json",
             f"--benchmark_min_time={0.01 if quick else 0.3}"]
    found = json.loads(bench_site.must(words))["benchmarks"]
    scale = {"ns": 1e-6, "us": 1e-3, "ms": 1.0}
    return {b["name"]: b["cpu_time"] * scale[b["time_unit"]] for b in found if "error_message" not in b}


def ratio(what, over, under, limit, unit="ms"):
    return Figure(what, over / under, limit, f"{over:.3g} {unit} / {under:.3g} {unit}")


@goal("P1")
def signing_small(b):
    text = b.site.text(SMALL)
    ours, replace = b.small("sign-rsa2048", text, "replace"), b.small("replace", text, "replace")
    raw = b.raw("raw/sign/rsa2048")
    yield ratio("sign 10 kB with RSA-2048, processor time against raw signature + sending the body back", ours["cpu_ms"],
                raw + replace["cpu_ms"], 1.25)
    yield Figure("the same as raw signatures in that time", raw / ours["cpu_ms"], None, "share of the raw signature")


@goal("P2")
def signing_against_others(b):
    text = b.site.text(SMALL)
    ours = b.small("sign-rsa2048", text, "replace")["cpu_ms"]
    words = ["openssl", "cms", "-sign", "-binary", "-in", text, "-signer", b.site.path("rsa2048.crt"), "-inkey",
             b.site.path("rsa2048.key"), "-certfile", b.site.path("sub.crt"), "-outform", "DER", "-out", os.devnull]
    process = min(bench_site.processor_seconds(words) for _ in range(5)) * 1e3
    yield ratio("sign 10 kB against openssl as a process", ours, process, 1 / 8)
    if shutil.which("opendkim") and not b.quick:
        yield ratio("sign 10 kB against opendkim with RSA-2048", ours, opendkim(b, text), 1 / 2.5)


def opendkim(b, text):
    key = b.site.path("dkim.key")
    shutil.copy(b.site.path("rsa2048.key"), key)
    os.chmod(key, 0o600)
    socket = b.site.path("dkim.sock")
    conf = b.site.write("dkim.conf", f"Mode s\nDomain example.org\nSelector bench\nKeyFile {key}\nSocket local:{socket}\n"
                        f"InternalHosts 192.0.2.1\nRequireSafeKeys no\nSyslog no\n")
    process = subprocess.Popen(["opendkim", "-f", "-x", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    b.site.running["opendkim"] = (process, socket, os.devnull)
    b.site.wait_for("opendkim")
    runs = [b.site.load("opendkim", text, "--messages", b.messages, "--connections", 2, "--warmup", 20, "--expect", "edit")
            for _ in range(b.rounds)]
    return min(r["cpu_ms"] for r in runs)


@goal("P3")
def signing_ec(b):
    text = b.site.text(SMALL)
    yield ratio("sign 10 kB with P-256 against sending the body back", b.small("sign-p256", text, "replace")["cpu_ms"],
                b.small("replace", text, "replace")["cpu_ms"], 1.9)


@goal("P4")
def signing_large(b):
    file = b.site.attachment(b.large)
    ours, plain, replace = b.big("sign-rsa2048", file, "replace"), b.big("plain", file, "replace"), b.big("replace", file, "replace")
    for what, unit, limit in (("processor time", "cpu_ms", 1.3), ("from the last octet to the answer", "answer_ms_p50", 1.1),
                              ("the whole message", "message_ms_p50", 1.4)):
        yield ratio(f"sign 25 MB, {what}, against sending it back from memory that realloc(3) doubles", ours[unit], plain[unit], limit)
        yield ratio(f"the same against a buffer like ours, {what}", ours[unit], replace[unit], None)
    yield ratio("SHA-256 alone against signing", b.raw(f"raw/sha256/{LARGE}") * b.large / LARGE, ours["cpu_ms"], None)


@goal("P5")
def signing_encoded(b):
    plain = b.big("sign-rsa2048", b.site.attachment(b.large), "replace")["cpu_ms"]
    for what, file in (("8-bit text", b.site.german(b.large)), ("long lines", b.site.long_lines(b.large))):
        yield ratio(f"sign 25 MB of {what} against 25 MB that need no encoding",
                    b.big("sign-rsa2048", file, "replace", 2)["cpu_ms"], plain, 2.5)


@goal("P6")
def memory(b):
    for what, role, file, expect, limit in (
            ("signing", "sign-rsa2048", b.site.attachment(b.large), "replace", 1.15),
            ("signing what is encoded", "sign-rsa2048", b.site.german(b.large), "replace", 2.6)):
        one = b.load(role, file, "--messages", 8, "--connections", 4, "--expect", expect)
        size = os.path.getsize(file) / 1024
        yield Figure(f"memory for each 25 MB message in flight, {what}", (one["rss_peak_kb"] - one["rss_start_kb"]) / (4 * size), limit,
                     f"{one['rss_peak_kb'] - one['rss_start_kb']} kB / (4 × {size:.0f} kB)")
        yield Figure(f"memory kept afterwards, {what}", one["rss_end_kb"] - one["rss_start_kb"], 4096, unit="kB")


@goal("P7")
def verifying_small(b):
    file = b.site.signed(b.site.text(SMALL))
    ours, noop = b.small("verify", file, "edit"), b.small("noop", file, "accept")
    yield Figure("verify 10 kB, processor time beyond doing nothing", ours["cpu_ms"] - noop["cpu_ms"], 0.12,
                 f"{ours['cpu_ms']:.3g} ms - {noop['cpu_ms']:.3g} ms", "ms")
    words = ["openssl", "cms", "-verify", "-in", file, "-CAfile", b.site.path("root.crt"), "-purpose", "any", "-out", os.devnull]
    process = min(bench_site.processor_seconds(words) for _ in range(5)) * 1e3
    yield ratio("verify 10 kB against openssl as a process", ours["cpu_ms"], process, 1 / 10)
    yield ratio("verify 10 kB in the library against decoding and validating everything afresh", b.raw(f"verify/clear/rsa2048/{SMALL}"),
                b.raw(f"verify/afresh/rsa2048/{SMALL}"), 1 / 2)


@goal("P8")
def verifying_large(b):
    file = b.site.signed(b.site.attachment(b.large))
    replace = b.big("replace", file, "replace")
    verify, strip = b.big("verify", file, "edit"), b.big("strip", file, "replace")
    opaque = b.big("strip", b.site.signed(b.site.attachment(b.large), True), "replace")
    yield ratio("verify 25 MB against sending a body of that size back", verify["cpu_ms"], replace["cpu_ms"], 1.6)
    yield ratio("strip 25 MB against verifying it", strip["cpu_ms"], verify["cpu_ms"], 1.3)
    yield ratio("strip 25 MB opaque against verifying it clear", opaque["cpu_ms"], verify["cpu_ms"], 2)


@goal("P9")
def nothing_to_do(b):
    for size in (SMALL, b.large):
        file = b.site.text(size)
        yield ratio(f"no rule applies, {size} octets, against accepting at end-of-header", b.small("nothing", file, "accept")["cpu_ms"],
                    b.small("early", file, "accept")["cpu_ms"], 1.2)


@goal("P10")
def idle_sessions(b):
    text, many = b.site.text(SMALL), 50 if b.quick else 1000
    # A daemon of its own: what larger messages have left behind would hide what a session takes.
    alone = b.load("sign-idle", text, "--messages", b.messages, start={"rules": bench_site.RULES["sign-rsa2048"]})
    crowd = b.site.load("sign-idle", text, "--messages", b.messages, "--idle", many)
    yield Figure(f"memory of each of {many} idle sessions", crowd["idle_kb"], 8, unit="kB")
    yield Figure("threads more than without them", crowd["threads"] - alone["threads"], 8,
                 f"{crowd['threads']} with, {alone['threads']} without", "threads")
    yield Figure("throughput of one connection without them against with them", alone["messages_per_s"] / crowd["messages_per_s"], 1 / 0.85,
                 f"{alone['messages_per_s']:.0f}/s / {crowd['messages_per_s']:.0f}/s")


@goal("P11")
def side_by_side(b):
    text = b.site.text(SMALL)
    for what, role, file, expect, limit in (("sign", "sign-rsa2048", text, "replace", 1.15),
                                            ("verify", "verify", b.site.signed(text), "edit", 1.3)):
        two = b.small(role, file, expect)
        yield ratio(f"{what} 10 kB, processor time of a message, two at a time against one at a time", two["cpu_ms"],
                    b.small(role, file, expect, connections=1)["cpu_ms"], limit)
        yield Figure(f"{what} 10 kB, two at a time, by the clock", two["messages_per_s"], None, "the client takes its share of the processors", "/s")


@goal("P12")
def growth(b):
    small, middle, large = (10_000, 20_000, 40_000) if b.quick else (1_000_000, 10_000_000, 100_000_000)
    few, more, many = (10, 20, 40) if b.quick else (10, 1000, 10_000)
    cost = {size: b.big("sign-rsa2048", b.site.attachment(size), "replace")["cpu_ms"] for size in (small, middle, large)}
    yield ratio(f"sign {middle} octets against {small}", cost[middle], cost[small], 11)
    yield ratio(f"sign {large} octets against {middle}", cost[large], cost[middle], 11)
    text = b.site.text(SMALL)

    def signing(role, start):
        return b.load(role, text, "--messages", b.messages, "--connections", 2, "--warmup", 20, "--expect", "replace", start=start)["cpu_ms"]
    staff = bench_site.RULES["sign-rsa2048"]
    rules = {n: signing(f"sign-{n}-rules", {"rules": "".join(f"[rule r{i}]\nsender = user{i}@example.org\nsign = clear\n" for i in range(n)) + staff})
             for n in (few, more, many)}
    for n in (more, many):
        yield ratio(f"sign with {n} rules against {few}", rules[n], rules[few], 1.2)
    costs, start, memory = {}, {}, {}
    many = many if b.quick else 100_000
    for n in (few, more, many):
        role, directory = f"sign-{n}-certificates", certificates(b, n)
        began = time.monotonic()
        b.site.start(role, rules=staff, more=directory)
        start[n] = time.monotonic() - began
        memory[n] = b.site.resident(role)
        costs[n] = signing(role, {})
    for n in (more, many):
        yield ratio(f"sign with {n} certificates of correspondents against {few}", costs[n], costs[few], 1.2)
    yield Figure(f"start with {many}", start[many], 5, unit="s")
    yield Figure("memory for each of them", (memory[many] - memory[few]) / many, 1, unit="kB")


def certificates(b, count):
    where = b.site.path(f"certificates-{count}")
    if not os.path.isdir(where):
        os.mkdir(where)
        bench_site.must([b.site.program("tests/bench/certificates"), where, str(count)])
        os.chmod(where, 0o755)
    return f"[certificates]\npath = {where}\n"


@goal("P13")
def odd_messages(b):
    count = 1000 if b.quick else 10_000
    for what, file in ((f"{count} parts side by side", b.site.parts(count)), (f"{count} parts in one another", b.site.nested(count))):
        cost = b.load("sign-rsa2048", file, "--messages", 3, "--warmup", 1)["cpu_ms"]
        yield Figure(f"a message with {what}", cost, 60, unit="ms")
    fields = {n: b.load("sign-rsa2048", b.site.many_fields(n), "--messages", 5, "--warmup", 1)["cpu_ms"] for n in (count // 10, count)}
    yield ratio(f"{count} header fields against {count // 10}", fields[count], fields[count // 10], 11)
    text = b.site.text(SMALL)
    to = {n: b.load("sign-rsa2048", text, "--messages", 5, "--warmup", 1, *[w for i in range(n) for w in ("--to", f"u{i}@example.org")])["cpu_ms"]
          for n in (count // 10, count)}
    yield ratio(f"{count} recipients against {count // 10}", to[count], to[count // 10], 11)


@goal("worst")
def worst(b):
    """All messages that tests and fuzzers know, and some made to be slow; SMIME_MILTER_CORPORA may name more."""
    tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    files = [os.path.join(tests, "fuzz", "corpus", kind, name) for kind in ("process", "verify_message", "decrypt", "structure", "tnef")
             for name in os.listdir(os.path.join(tests, "fuzz", "corpus", kind))]
    for folder in (os.path.join(tests, "golden"), os.environ.get("SMIME_MILTER_CORPORA", "")):
        files += [os.path.join(path, name) for path, _, names in os.walk(folder) for name in names if name.endswith((".eml", ".msg"))]
    files += slow.messages(b.site, 50_000 if b.quick else 2_000_000)
    found = json.loads(bench_site.must([b.site.program("tests/bench/worst"), b.site.configuration("worst"), *sorted(files)]))
    first = found["worst"][0]
    yield Figure(f"the worst of {found['messages']} ways of strange messages against an ordinary one of its size", first["ratio"], 10,
                 f"{first['ms']:.3g} ms, {first['octets']} octets: {first['file']} ({first['way']})")


@goal("P15")
def reloads(b):
    more = certificates(b, 100 if b.quick else 100_000)
    role, text, seconds = "sign-reloads", b.site.text(SMALL), 2 if b.quick else 20
    b.site.start(role, rules=bench_site.RULES["sign-rsa2048"], more=more)
    quiet = b.site.load(role, text, "--seconds", seconds, "--connections", 2, "--warmup", 20, "--expect", "replace")
    done = threading.Event()

    def reload():
        while not done.wait(1):
            os.kill(b.site.pid(role), signal.SIGHUP)
    thread = threading.Thread(target=reload)
    thread.start()
    try:
        busy = b.site.load(role, text, "--seconds", seconds, "--connections", 2, "--expect", "replace")
    finally:
        done.set()
        thread.join()
    yield ratio("time to the answer that 99 of 100 messages keep, while SIGHUP comes each second, against without", busy["message_ms_p99"], quiet["message_ms_p99"], 2)
