"""A real Postfix that nobody else notices: its own directories, loopback only,
ports that were free a moment ago.  The machine's own mail system, its main.cf
and its queue are not read, written or started.

    with PrivatePostfix(directory, sink.port, milter) as postfix:
        postfix.port         as an MX listens: no login
        postfix.submission   as a submission service does: AUTH PLAIN

It relays for example.org to anybody and for the rest only to who has logged
in; all mail goes to the sink.  Needs root, as Postfix does."""
import ctypes
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

from ports import free_ports

# Where Debian, and most others, have Postfix's programs.
DAEMONS = "/usr/lib/postfix/sbin"
PATIENCE = 60

MAIN_CF = """\
compatibility_level = 3.6
config_directory = {dir}/etc
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
multi_instance_enable = no
syslog_name = postfix
maillog_file = {dir}/log/mail.log
maillog_file_prefixes = {dir}

myhostname = mx.example.org
myorigin = example.org
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
mydestination =
relay_domains = example.org
relayhost = [127.0.0.1]:{sink}
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
local_recipient_maps =
alias_maps =
alias_database =
local_transport = error:no local delivery here
message_size_limit = 30000000
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
transport_retry_time = 2s
service_throttle_time = 2s
smtp_destination_concurrency_limit = 20

smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {dir}/etc/sasl
smtpd_sasl_local_domain = example.org
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
# Many tests come from one address.
smtpd_client_connection_count_limit = 0
smtpd_hard_error_limit = 1000
smtpd_soft_error_limit = 1000
smtpd_error_sleep_time = 0

smtpd_milters = {{ {milter}, default_action=tempfail }}
non_smtpd_milters = {{ {milter}, default_action=tempfail }}
milter_default_action = tempfail
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o milter_macro_daemon_name=ORIGINATING
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


class PostfixProblem(Exception):
    pass


def missing():
    """Why there can be no private Postfix here; None when there can."""
    if os.geteuid() != 0:
        return "a real Postfix can only be started by root"
    for program, package in ((DAEMONS + "/master", "postfix"), ("/usr/sbin/saslpasswd2", "sasl2-bin")):
        if not os.access(program, os.X_OK):
            return f"{program} is not there: apt-get install {package}"
    return None


LIBC = ctypes.CDLL(None)  # not to be loaded between fork and exec
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In a child before exec: SIGTERM when the one who started us is gone."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class PrivatePostfix:
    """`milter` as in main.cf: unix:PATH or inet:HOST:PORT.  `logins` maps names
    at example.org to passwords.  `more` is added to main.cf, `services` to master.cf."""

    # What the client hears when the milter does not answer.
    away = "451 4.7.1"

    def __init__(self, directory, sink, milter, logins=None, more="", services=""):
        self.directory, self.sink, self.milter, self.more, self.services = directory, sink, milter, more, services
        self.logins = logins or {}
        self.process = None
        self.port = self.submission = 0
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": self.path("etc"), "LC_ALL": "C"}
        self.lay_out()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def path(self, *names):
        return os.path.join(self.directory, *names)

    # --- files ---

    def lay_out(self):
        postfix = pwd.getpwnam("postfix")
        for name in ("", "etc", "etc/sasl", "queue", "log"):
            os.makedirs(self.path(name), exist_ok=True)
            os.chmod(self.path(name), 0o755)  # user postfix has to pass
        os.mkdir(self.path("data"), 0o700)
        os.chown(self.path("data"), postfix.pw_uid, postfix.pw_gid)
        self.write("etc/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\n"
                   f"sasldb_path: {self.path('data/passwords')}\n")
        for name, password in self.logins.items():
            subprocess.run(["saslpasswd2", "-p", "-c", "-f", self.path("data/passwords"), "-u", "example.org", name],
                           input=password.encode(), check=True, env=self.environment, timeout=PATIENCE)
        if self.logins:
            os.chown(self.path("data/passwords"), postfix.pw_uid, postfix.pw_gid)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    # --- the process ---

    def start(self):
        for _ in range(5):  # somebody may take a free port before we do
            self.port, self.submission = free_ports(2)
            self.write("etc/main.cf", MAIN_CF.format(dir=self.directory, daemons=DAEMONS, sink=self.sink,
                                                     milter=self.milter) + self.more)
            self.write("etc/master.cf", MASTER_CF.format(port=self.port, submission=self.submission) + self.services)
            self.command("check")
            if self.start_master():
                return
        raise PostfixProblem(f"Postfix did not start:\n{self.log()[-2000:]}")

    def start_master(self):
        """True when it listens.  Our own child, not `postfix start`'s
        grandchild: it ends when we do, whatever ends us."""
        self.process = subprocess.Popen([os.path.join(DAEMONS, "master"), "-c", self.path("etc")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=self.environment, preexec_fn=die_with_parent)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if answers(self.port) and answers(self.submission):
                return True
            time.sleep(0.05)
        self.stop()
        return False

    def reload(self):
        self.command("reload")

    def restart(self):
        """The same ports again."""
        self.stop()
        if not self.start_master():
            raise PostfixProblem(f"Postfix did not start again:\n{self.log()[-2000:]}")

    def stop(self):
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def command(self, *words):
        """postfix(1)"""
        done = subprocess.run(["postfix", "-c", self.path("etc"), *words], env=self.environment, capture_output=True,
                              timeout=PATIENCE, check=False)
        if done.returncode != 0:
            raise PostfixProblem(f"postfix {' '.join(words)}: {(done.stdout + done.stderr).decode()}{self.log()[-2000:]}")

    def sendmail(self, message, mail_from, recipients):
        """sendmail(1): the way of local mail, past every smtpd."""
        subprocess.run(["sendmail", "-i", "-f", mail_from, "--", *recipients], input=message.replace(b"\r\n", b"\n"),
                       env=self.environment, check=True, capture_output=True, timeout=PATIENCE)

    def queue(self):
        """The messages in the queue, as postqueue -j shows them."""
        out = subprocess.run(["postqueue", "-c", self.path("etc"), "-j"], env=self.environment, check=True,
                             capture_output=True, timeout=PATIENCE).stdout
        return [json.loads(line) for line in out.splitlines()]

    def held(self):
        """The queue ids in the hold queue: what was quarantined."""
        return [message["queue_id"] for message in self.queue() if message["queue_name"] == "hold"]

    def release(self, queue_id):
        """Out of the hold queue."""
        subprocess.run(["postsuper", "-c", self.path("etc"), "-H", queue_id], env=self.environment, check=True,
                       capture_output=True, timeout=PATIENCE)

    def corrupt(self):
        """Messages that Postfix has lost for good."""
        folder = self.path("queue/corrupt")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def log(self):
        try:
            with open(self.path("log/mail.log"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def complaints(self):
        """What Postfix would wake a postmaster for."""
        return re.findall(r".*(?:panic|fatal|corrupt).*", self.log()) + self.corrupt()

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
            return s.recv(3) == b"220"
    except OSError:
        return False
