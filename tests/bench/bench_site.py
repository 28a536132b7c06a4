"""What a benchmark runs on: keys, messages, daemons and reference milters, in a
directory of its own that is gone afterwards."""
import base64
import grp
import json
import os
import pwd
import random
import resource
import shutil
import subprocess
import tempfile
import time

import suite

PATIENCE = 600
ADDRESS = "alice@example.org"
LEAF = (f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
        f"extendedKeyUsage=emailProtection\nsubjectAltName=email:{ADDRESS}\n")
CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
RULES = {
    "sign-rsa2048": f"[rule staff]\nsender = {ADDRESS}\nsign = clear\n",
    "sign-p256": f"[rule staff]\nsender = {ADDRESS}\nsign = clear\n",
    "verify": "[rule inbound]\ndirection = incoming\nverify = yes\n",
    "strip": "[rule inbound]\ndirection = incoming\nverify = yes\nstrip = valid\n",
    "worst": f"[rule out]\ndirection = outgoing\nsender = {ADDRESS}\nsign = clear\ntnef = convert\n"
             "[rule in]\ndirection = incoming\ndecrypt = yes\nverify = yes\nstrip = any\n",
    "nothing": "[rule others]\nsender = nobody@example.net\nsign = clear\n",
}
LINE = "the quick brown fox jumps over the lazy dog, and the dog does not care much.\r\n"
GERMAN = "Die Straßen von Köln führen alle zum Fluß, und der Fluß führt ans Meer.\r\n".encode()


def must(words, **options):
    done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)[:300]}: exit {done.returncode}: {(done.stdout + done.stderr).decode('utf-8', 'replace')}")
    return done.stdout


def processor_seconds(words):
    """What a command costs as a whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    must(words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Site:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.directory = tempfile.mkdtemp(prefix="smb-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.entry = pwd.getpwnam(self.user)
        self.group = grp.getgrgid(self.entry.pw_gid).gr_name
        self.running = {}  # role -> (process, socket, log)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.make_keys()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process, _, _ in self.running.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def program(self, name):
        return os.path.join(self.build, name)

    def write(self, name, octets):
        with open(self.path(name), "wb") as f:
            f.write(octets if isinstance(octets, bytes) else octets.encode("ascii"))
        return self.path(name)

    # --- keys: a root, an intermediate, and alice with two kinds ---

    def issue(self, name, algorithm, subject, extensions, issuer):
        key, csr, crt = (self.path(name + end) for end in (".key", ".csr", ".crt"))
        must(["openssl", "req", "-new", "-newkey", *algorithm, "-nodes", "-keyout", key, "-out", csr, "-subj", subject])
        signer = ["-signkey", key] if issuer is None else ["-CA", self.path(issuer + ".crt"), "-CAkey", self.path(issuer + ".key")]
        must(["openssl", "x509", "-req", "-in", csr, *signer, "-out", crt, "-days", "1000",
              "-set_serial", str(random.getrandbits(62)), "-extfile", self.write(name + ".ext", extensions)])

    def make_keys(self):
        rsa, ec = ["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self.issue("root", rsa, "/CN=Bench Root", CA, None)
        self.issue("sub", rsa, "/CN=Bench Sub CA", CA, "root")
        os.mkdir(self.path("trust"))
        shutil.copy(self.path("root.crt"), self.path("trust"))
        shutil.copy(self.path("sub.crt"), self.path("trust"))
        for name, algorithm in (("rsa2048", rsa), ("p256", ec)):
            self.issue(name, algorithm, "/CN=Alice", LEAF, "sub")
            os.mkdir(self.path("keys-" + name))
            must(["openssl", "pkcs12", "-export", "-inkey", self.path(name + ".key"), "-in", self.path(name + ".crt"),
                  "-certfile", self.path("sub.crt"), "-passout", "pass:bench", "-out", self.path("keys-" + name, "alice.p12")])
        os.chmod(self.write("password", "bench\n"), 0o600)
        # What becomes valid this second is validated anew each time.
        time.sleep(2.1)

    # --- milters ---

    def start(self, role, rules=None, keys="rsa2048", more="", under=()):
        """A daemon for this role, once; gives its process id."""
        if role in self.running:
            return self.running[role][0].pid
        home = self.path("daemon-" + role)
        if not os.path.isdir(home):
            self.configuration(role, rules, keys, more)
        socket = os.path.join(home, "s", "milter")
        log = os.path.join(home, "log")
        with open(log, "wb") as out:
            process = subprocess.Popen([*under, self.program("smime-milter"), "-c", os.path.join(home, "conf"), "--log=stderr"],
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.running[role] = (process, socket, log)
        self.wait_for(role)
        return process.pid

    def configuration(self, role, rules=None, keys="rsa2048", more=""):
        """A file in a directory of the daemon's own, with all that belongs to it."""
        home = self.path("daemon-" + role)
        os.makedirs(os.path.join(home, "s"))
        shutil.copytree(self.path("keys-" + keys), os.path.join(home, "keys"))
        shutil.copy(self.path("password"), home)
        with open(os.path.join(home, "conf"), "w", encoding="ascii") as f:
            f.write(f"[milter]\nsocket = unix:{home}/s/milter\ncontrol_socket = {home}/control\nuser = {self.user}\n"
                    f"local_domains = example.org\nauthserv_id = mx.example.org\nmax_message_size = 256M\n"
                    f"[keys]\npath = {home}/keys\npassword = file:{home}/password\n"
                    f"[trust]\nanchors = {self.path('trust')}\n{more}{rules or RULES[role]}")
        self.own(home)
        return os.path.join(home, "conf")

    def own(self, home):
        for path, folders, files in os.walk(home):
            for name in ["", *folders, *files]:
                where = os.path.join(path, name)
                os.chmod(where, 0o700 if os.path.isdir(where) else 0o600)
                if os.geteuid() == 0:
                    os.chown(where, self.entry.pw_uid, self.entry.pw_gid)

    def reference(self, mode):
        if mode in self.running:
            return
        socket = self.path(mode + ".sock")
        process = subprocess.Popen([self.program("tests/bench/reference"), mode, socket], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL)
        self.running[mode] = (process, socket, os.devnull)
        self.wait_for(mode)

    def wait_for(self, role):
        process, socket, log = self.running[role]
        end = time.monotonic() + PATIENCE
        while not suite.listening(socket):
            if process.poll() is not None or time.monotonic() > end:
                with open(log, encoding="utf-8", errors="replace") as f:
                    raise RuntimeError(f"{role} does not serve: {f.read()[-2000:]}")
            time.sleep(0.01)

    def stop(self, role):
        process, _, _ = self.running.pop(role)
        process.kill()
        process.wait()

    def pid(self, role):
        return self.running[role][0].pid

    def resident(self, role):
        """kB of memory."""
        with open(f"/proc/{self.pid(role)}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def load(self, role, files, *options):
        """One run of the load client; what it has measured."""
        process, socket, _ = self.running[role]
        login = ["--login", ADDRESS] if role.startswith(("sign", "nothing")) else []
        words = [self.program("tests/bench/load"), "--pid", str(process.pid), *login, *map(str, options), socket,
                 *([files] if isinstance(files, str) else files)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{role}: {' '.join(words)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    # --- messages ---

    def message(self, name, kind, body):
        """A message of alice's in wire form; made once."""
        path = self.path(name + ".eml")
        if not os.path.exists(path):
            header = (f"From: Alice <{ADDRESS}>\r\nTo: bob@example.org\r\nSubject: {name}\r\n"
                      f"Date: Mon, 1 Jun 2026 12:00:00 +0000\r\nMessage-ID: <{name}@example.org>\r\nMIME-Version: 1.0\r\n{kind}\r\n\r\n")
            self.write(name + ".eml", header.encode("ascii") + body())
        return path

    def text(self, size):
        return self.message(f"text-{size}", "Content-Type: text/plain; charset=us-ascii",
                            lambda: (LINE * (size // len(LINE) + 1)).encode("ascii")[:size // len(LINE) * len(LINE)])

    def attachment(self, size):
        def body():
            octets = random.Random(size).randbytes(size // 78 * 57)
            lines = base64.encodebytes(octets).replace(b"\n", b"\r\n")
            return (b"--in\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n--in\r\nContent-Type: application/octet-stream\r\n"
                    b"Content-Transfer-Encoding: base64\r\n\r\n" + lines + b"--in--\r\n")
        return self.message(f"attachment-{size}", 'Content-Type: multipart/mixed; boundary="in"', body)

    def german(self, size):
        return self.message(f"german-{size}", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
                            lambda: GERMAN * (size // len(GERMAN)))

    def long_lines(self, size):
        return self.message(f"long-{size}", "Content-Type: text/plain", lambda: (b"x" * 4998 + b"\r\n") * (size // 5000))

    def parts(self, count):
        return self.message(f"parts-{count}", 'Content-Type: multipart/mixed; boundary="p"',
                            lambda: b"--p\r\nContent-Type: text/plain\r\n\r\nx\r\n" * count + b"--p--\r\n")

    def nested(self, depth):
        def body():
            inside = [f'--n{i}\r\nContent-Type: multipart/mixed; boundary="n{i + 1}"\r\n\r\n' for i in range(depth)]
            return "".join(inside).encode("ascii")
        return self.message(f"nested-{depth}", 'Content-Type: multipart/mixed; boundary="n0"', body)

    def many_fields(self, count):
        return self.message(f"fields-{count}", "".join(f"X-Field-{i}: value\r\n" for i in range(count)) + "Content-Type: text/plain",
                            lambda: b"Hello.\r\n")

    def signed(self, of, opaque=False):
        """The message as our own program signs it."""
        path = of.replace(".eml", "-opaque.eml" if opaque else "-signed.eml")
        if not os.path.exists(path):
            with open(of, "rb") as f:
                octets = must([self.program("smimectl"), "sign", "--key", self.path("keys-rsa2048", "alice.p12"),
                               "--password-file", self.path("password"), *(["--opaque"] if opaque else []), "-"], input=f.read())
            self.write(os.path.basename(path), octets if b"\r\n" in octets[:200] else octets.replace(b"\n", b"\r\n"))
        return path
