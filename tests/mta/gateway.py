"""The daemon under test, with a CA and keys made for this run.

    with Gateway(build, directory, rules) as gateway:
        gateway.milter          for smtpd_milters
        gateway.logged(ID)      the daemon's line about a message
"""
import os
import pwd
import re
import signal
import socket
import subprocess
import time

from private_postfix import die_with_parent

PATIENCE = 60

# What sanitizers and the C++ runtime write when something is wrong.
ALARMS = re.compile(r"(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|internal error|terminate called).*",
                    re.DOTALL)


class GatewayProblem(Exception):
    pass


def wait_for(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"waited {seconds} s in vain for {what}")


class Authority:
    """A test CA in a directory: `.certificate` is its anchor."""

    def __init__(self, build, directory):
        self.smimectl, self.directory = os.path.join(build, "smimectl"), directory
        self.certificate, self.password = os.path.join(directory, "ca.crt"), os.path.join(directory, "password")
        self.run("init", directory)

    def issue(self, address, *options):
        """The PFX file."""
        self.run("issue", self.directory, address, *options)
        return os.path.join(self.directory, address + ".p12")

    def run(self, *words):
        done = subprocess.run([self.smimectl, "test-ca", *words], capture_output=True, timeout=PATIENCE, check=False)
        if done.returncode != 0:
            raise GatewayProblem(f"smimectl test-ca {' '.join(words)}: {done.stderr.decode()}")


class Gateway:
    """Started by root it runs as `user`; by anybody else as that one."""

    def __init__(self, build, directory, rules, addresses, settings="", user="nobody"):
        self.program, self.directory = os.path.join(build, "smime-milter"), directory
        self.user = user if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.process = None
        self.log_file, self.config = self.path("log"), self.path("smime-milter.conf")
        self.socket, self.control = self.path("socket/smime-milter.sock"), self.path("control/control.sock")
        self.milter = "unix:" + self.socket
        os.makedirs(directory, mode=0o755, exist_ok=True)
        self.lay_out()
        self.authority = Authority(build, self.path("ca"))
        for address in addresses:
            self.authority.issue(address)
        self.install_keys()
        self.configure(rules, settings)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            self.check_alarms()

    def path(self, *names):
        return os.path.join(self.directory, *names)

    # --- files: modes and owners as the README asks for them ---

    def lay_out(self):
        owner = pwd.getpwnam(self.user)
        for name, mode in (("keys", 0o700), ("trust", 0o755), ("control", 0o755), ("socket", 0o2750)):
            os.mkdir(self.path(name))
            os.chown(self.path(name), owner.pw_uid, self.socket_group(owner) if name == "socket" else owner.pw_gid)
            os.chmod(self.path(name), mode)

    @staticmethod
    def socket_group(owner):
        """Postfix's, where there is Postfix."""
        try:
            return pwd.getpwnam("postfix").pw_gid if os.geteuid() == 0 else owner.pw_gid
        except KeyError:
            return owner.pw_gid

    def install_keys(self):
        owner = pwd.getpwnam(self.user)
        for name in os.listdir(self.authority.directory):
            if name.endswith(".p12") or name == "password":
                self.install(os.path.join(self.authority.directory, name), self.path("keys", name), 0o600, owner)
        self.install(self.authority.certificate, self.path("trust/ca.crt"), 0o644, owner)

    @staticmethod
    def install(source, target, mode, owner):
        with open(source, "rb") as f:
            octets = f.read()
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as f:
            f.write(octets)
        os.chown(target, owner.pw_uid, owner.pw_gid)

    def configure(self, rules, settings=""):
        """For start() or reload()."""
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"""[milter]
socket         = {self.milter}
control_socket = {self.control}
user           = {self.user}
local_domains  = example.org
{settings}
[keys]
path     = {self.path("keys")}
password = file:{self.path("keys/password")}

[trust]
anchors = {self.path("trust")}
{rules}""")

    # --- the process ---

    def start(self):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([self.program, "-c", self.config, "--log=stderr"], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=die_with_parent)
        try:
            wait_for(lambda: self.process.poll() is not None or self.ask("ping") is not None, "the daemon to serve")
        except TimeoutError:
            self.kill()
            raise
        if self.process.poll() is not None:
            raise GatewayProblem(f"the daemon ended with {self.process.returncode}:\n{self.log()}")

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        if status != 0:
            raise GatewayProblem(f"the daemon ended with {status}:\n{self.log()[-3000:]}")

    def kill(self):
        """As the kernel does it: no goodbye to anybody."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def reload(self, rules, settings=""):
        self.configure(rules, settings)
        answer = self.ask("reload")
        if not (answer or "").startswith("ok"):
            raise GatewayProblem(f"reload: {answer}")

    def ask(self, request):
        """The control socket's answer, None when nobody listens."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.settimeout(PATIENCE)
                s.connect(self.control)
                s.sendall(request.encode() + b"\n")
                return b"".join(iter(lambda: s.recv(65536), b"")).decode()
        except (FileNotFoundError, ConnectionError):
            return None

    # --- what it says ---

    def log(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def lines(self, queue_id):
        return re.findall(rf"^(?:\S+ )*?{re.escape(queue_id)}: .*", self.log(), re.MULTILINE)

    def logged(self, queue_id):
        """The one line about this message."""
        found = wait_for(lambda: self.lines(queue_id), f"a line about {queue_id} in\n{self.log()[-3000:]}", 10)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} lines about {queue_id}: {found}")
        return found[0]

    def check_alarms(self):
        alarm = ALARMS.search(self.log())
        if alarm:
            raise GatewayProblem(f"in the daemon's log: {alarm.group(0)[:3000]}")
