"""A daemon of its own for each test, in a directory of its own."""
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
PROGRAM = os.environ.get("SMIME_MILTER") or os.path.join(os.environ.get("abs_builddir", os.getcwd()), "smime-milter")

# Sanitizers make everything slower; nothing here measures speed.
PATIENCE = 60

RULES = """
[rule shop]
client = 192.0.2.10
sign = clear

[rule inbound]
direction = incoming
verify = yes
on_invalid = mark
"""

# What sanitizers and the C++ runtime write when something is wrong.
ALARMS = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|internal error|terminate called")


class Problem(Exception):
    pass


def wait_for(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise Problem(f"waited in vain for: {what}")


class Daemon:
    """`with Daemon(rules=..., milter={...}) as d:` starts one and waits until it serves."""

    def __init__(self, rules=RULES, milter=None, start=True, keys=True, options=()):
        # A short path: the name of a socket has at most 107 octets.
        self.directory = tempfile.mkdtemp(prefix="smd-", dir="/tmp")
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.group = grp.getgrgid(pwd.getpwnam(self.user).pw_gid).gr_name
        self.socket = os.path.join(self.directory, "s", "milter.sock")
        self.control = os.path.join(self.directory, "control.sock")
        self.config = os.path.join(self.directory, "smime-milter.conf")
        self.log_file = os.path.join(self.directory, "log")
        self.options = list(options)
        self.wrapper = []  # words before the program
        self.processes = []
        self.process = None
        self.milter = {"socket": "unix:" + self.socket, "control_socket": self.control, "user": self.user,
                       "authserv_id": "mx.example.org", "local_domains": "example.org"}
        self.milter.update(milter or {})
        os.mkdir(os.path.dirname(self.socket))
        if keys:
            self.copy_keys()
        self.configure(rules)
        self.own()
        if start:
            try:
                self.start()
            except BaseException:
                self.clean()
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
            alarm = ALARMS.search(self.log())
            if kind is None and alarm:
                raise Problem("in the log: " + self.log()[alarm.start():][:3000])
        finally:
            self.clean()

    def clean(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- files ---

    def copy_keys(self):
        keys = os.path.join(self.directory, "keys")
        trust = os.path.join(self.directory, "trust")
        os.mkdir(keys)
        os.mkdir(trust)
        shutil.copy(os.path.join(GOLDEN, "pki", "alice.p12"), keys)
        for name in ("ca.crt", "sub.crt"):
            shutil.copy(os.path.join(GOLDEN, "pki", name), trust)
        password = os.path.join(self.directory, "password")
        with open(password, "w", encoding="ascii") as f:
            f.write("golden\n")
        os.chmod(password, 0o600)
        os.chmod(os.path.join(keys, "alice.p12"), 0o600)
        self.material = (f"\n[keys]\npath = {keys}\npassword = file:{password}\n"
                         f"\n[trust]\nanchors = {trust}\n")

    def multiply_key(self, count):
        """Files beside it with the same key, each opened at once: a sanitizer takes half a second for 2048 iterations."""
        keys = os.path.join(self.directory, "keys")
        pem = os.path.join(self.directory, "key.pem")
        for words in (["-in", os.path.join(keys, "alice.p12"), "-nodes", "-passin", "pass:golden", "-out", pem],
                      ["-export", "-iter", "1", "-in", pem, "-passout", "pass:golden", "-out", pem]):
            subprocess.run(["openssl", "pkcs12", *words], check=True, capture_output=True)
        with open(pem, "rb") as f:
            octets = f.read()
        os.unlink(pem)
        for n in range(count):
            with open(os.path.join(keys, f"copy{n}.p12"), "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as f:
                f.write(octets)

    def configure(self, rules=RULES, raw=None):
        text = raw
        if text is None:
            text = "[milter]\n" + "".join(f"{k} = {v}\n" for k, v in self.milter.items())
            text += getattr(self, "material", "") + rules
        with open(self.config, "w", encoding="ascii") as f:
            f.write(text)

    def own(self):
        if os.geteuid() != 0:
            return
        entry = pwd.getpwnam(self.user)
        for path, folders, files in os.walk(self.directory):
            for name in [""] + folders + files:
                os.chown(os.path.join(path, name), entry.pw_uid, entry.pw_gid)

    # --- the process ---

    def spawn(self, log_file=None, extra=(), env=None):
        environment = dict(os.environ)
        environment.update(env or {})
        with open(log_file or self.log_file, "ab") as log:
            process = subprocess.Popen([*self.wrapper, PROGRAM, "-c", self.config, "-v", "--log=stderr", *self.options, *extra],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.processes.append(process)
        return process

    def start(self, env=None):
        self.process = self.spawn(env=env)
        wait_for(lambda: self.process.poll() is not None or self.ask("ping") == "ok: pong\n", "the daemon to serve")
        if self.process.poll() is not None:
            raise Problem(f"the daemon ended with {self.process.returncode}:\n{self.log()}")
        return self

    def signal(self, number):
        os.kill(self.process.pid, number)

    def wait(self, seconds=PATIENCE):
        return self.process.wait(seconds)

    def stop(self):
        """The exit status; 0 when it was not running."""
        if self.process is None or self.process.poll() is not None:
            return 0
        self.signal(signal.SIGTERM)
        status = self.wait()
        if status != 0:
            raise Problem(f"the daemon ended with {status}:\n{self.log()[-3000:]}")
        return status

    def alive(self):
        return self.process.poll() is None

    def log(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def logged(self, pattern, seconds=PATIENCE):
        return wait_for(lambda: re.search(pattern, self.log()), f"in the log: {pattern}\n{self.log()}", seconds)

    # --- the control socket ---

    def ask(self, request, raw=False):
        """The answer, None when nobody answers."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.settimeout(PATIENCE)
                s.connect(self.control)
                s.sendall(request if raw else request.encode() + b"\n")
                answer = b""
                while more := s.recv(65536):
                    answer += more
                return answer.decode()
        except (FileNotFoundError, ConnectionError, PermissionError):
            return None

    def status(self):
        values = {}
        for line in (self.ask("status") or "").splitlines():
            key, _, value = line.partition(": ")
            values.setdefault(key, value)
        return values

    def holds(self, octets):
        """That many octets of messages have come, the last of which the daemon does not acknowledge."""
        wait_for(lambda: int(self.status().get("in_flight", "0").split()[0]) >= octets, f"{octets} octets in flight")

    def settled(self):
        """Nothing of any message is left."""
        def nothing():
            status = self.status()
            return status.get("messages") == "0" and status.get("in_flight", "").startswith("0 of ")
        return wait_for(nothing, "the memory of all messages to be given back")
