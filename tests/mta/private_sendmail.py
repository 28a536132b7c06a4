"""A real Sendmail that nobody else notices.  Debian's packages cannot be installed
beside Postfix, so they are downloaded and unpacked into a directory, where they
stay for the next run; what runs has its own configuration, made by m4 from a
sendmail.mc of its own, its own queue, loopback only, and ports that were free a
moment ago.  Nothing below /etc/mail is read or written, nothing is installed.

    programs = unpack(directory)
    with PrivateSendmail(directory, programs, sink.port, filters) as sendmail:
        sendmail.port         as an MX listens: no login
        sendmail.submission   as a submission service does: AUTH PLAIN

The directory of an instance has to lie where nobody else may write, below /run for
example: Sendmail looks at every directory above a milter's socket, and does not
start below /tmp.  Nothing is written to syslog; `transcript()` is what was said
over SMTP.  It relays for example.org to anybody and for the rest only to who has
logged in; all mail goes to the sink.  Needs root, as Sendmail does."""
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from ports import free_ports
from private_postfix import LIBC, PATIENCE, answers, die_with_parent

CLONE_NEWUTS = 0x04000000
START_PATIENCE = 150
PACKAGES = ("sendmail-bin", "sendmail-cf")

MC = """\
include(`{cf}/m4/cf.m4')dnl
VERSIONID(`a private Sendmail')dnl
OSTYPE(`linux')dnl
define(`MAIL_SETTINGS_DIR', `{dir}/etc/')dnl
define(`confDOMAIN_NAME', `{name}')dnl
define(`confCW_FILE', `{dir}/etc/local-host-names')dnl
define(`confCR_FILE', `{dir}/etc/relay-domains')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/etc/service.switch')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`confTO_IDENT', `0')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confMAX_MESSAGE_SIZE', `30000000')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confLOG_LEVEL', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confRUN_AS_USER', `root')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`STATUS_FILE', `{dir}/statistics')dnl
define(`HELP_FILE', `')dnl
define(`ALIAS_FILE', `')dnl
define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h {sink}')dnl
define(`confAUTH_MECHANISMS', `PLAIN')dnl
define(`confAUTH_REALM', `example.org')dnl
TRUST_AUTH_MECH(`PLAIN')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port={port}, Family=inet, M=A')dnl
DAEMON_OPTIONS(`Name=ORIGINATING, Addr=127.0.0.1, Port={submission}, Family=inet')dnl
{filters}MAILER(`smtp')dnl
{more}LOCAL_CONFIG
ESASL_CONF_PATH={dir}/etc/sasl
"""

# sendmail(1) hands mail to the MTA by SMTP; it never writes into the MTA's queue.
SUBMIT_MC = """\
include(`{cf}/m4/cf.m4')dnl
VERSIONID(`submission by a private Sendmail')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.org')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/etc/service.switch')dnl
define(`confLOG_LEVEL', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confRUN_AS_USER', `nobody:nogroup')dnl
define(`MSP_QUEUE_DIR', `{dir}/submit-queue')dnl
define(`STATUS_FILE', `{dir}/submit-queue/statistics')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl
FEATURE(`msp', `[127.0.0.1]')dnl
"""


class SendmailProblem(Exception):
    pass


def missing():
    """Why there can be no private Sendmail here; None when there can."""
    if os.geteuid() != 0:
        return "a real Sendmail can only be started by root"
    for program, package in (("/usr/bin/m4", "m4"), ("/usr/sbin/saslpasswd2", "sasl2-bin")):
        if not os.access(program, os.X_OK):
            return f"{program} is not there: apt-get install {package}"
    return None


def unpack(directory):
    """Sendmail's programs and m4 files below this directory; downloaded when they are
    not there yet.  Its path."""
    program = os.path.join(directory, "usr/libexec/sendmail/sendmail")
    if not os.access(program, os.X_OK):
        os.makedirs(directory, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=directory) as place:
            download(place)
            for package in glob.glob(place + "/*.deb"):
                subprocess.run(["dpkg", "-x", package, place + "/unpacked"], check=True, timeout=PATIENCE)
            # Not set-group-ID: only root runs it here, and PR_SET_PDEATHSIG has to hold.
            os.chmod(place + "/unpacked/usr/libexec/sendmail/sendmail", 0o755)
            # Whole or not at all, also when two do it at once.
            try:
                os.rename(place + "/unpacked/usr", directory + "/usr")
            except OSError:
                if not os.access(program, os.X_OK):
                    raise
    lacking = re.findall(r"(\S+) => not found", subprocess.run(["ldd", program], capture_output=True, text=True,
                                                               check=True, timeout=PATIENCE).stdout)
    if lacking:
        raise SendmailProblem(f"{program} needs {', '.join(lacking)}: apt-get install libwrap0 libnsl2 libldap-2.5-0 libdb5.3")
    return directory


def download(place):
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *PACKAGES]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:  # perhaps apt knows of no packages yet
        subprocess.run(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", "update"], capture_output=True, timeout=600,
                       check=False)
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise SendmailProblem(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def in_its_own_host():
    """In a child before exec.  Sendmail asks DNS about a host name without a dot, and
    sleeps for a minute when it gets no answer; this one has dots and needs no DNS.
    Its name in mail is $j of sendmail.mc.  Where no namespace may be made, it sleeps."""
    die_with_parent()
    if LIBC.unshare(CLONE_NEWUTS) == 0:
        socket.sethostname("127.0.0.1")


class PrivateSendmail:
    """`filters` are lines of sendmail.mc: INPUT_MAIL_FILTER or the include of a file
    with them.  `logins` maps names at example.org to passwords.  `more` follows the
    mailers in sendmail.mc.  `name` is its own: two of one name see a loop."""

    # What the client hears when the milter does not answer.
    away = "451 4.3.2"

    def __init__(self, directory, programs, sink, filters="", logins=None, more="", name="mx.example.org"):
        self.directory, self.programs, self.sink, self.filters, self.more = directory, programs, sink, filters, more
        self.logins, self.name = logins or {}, name
        self.process = None
        self.port = self.submission = 0
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        self.program = os.path.join(programs, "usr/libexec/sendmail/sendmail")
        self.cf_directory = os.path.join(programs, "usr/share/sendmail/cf")
        self.mc, self.cf = self.path("etc/sendmail.mc"), self.path("etc/sendmail.cf")
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
        for name, mode in (("", 0o755), ("etc", 0o755), ("etc/sasl", 0o755), ("queue", 0o700), ("submit-queue", 0o700)):
            os.makedirs(self.path(name), exist_ok=True)
            os.chmod(self.path(name), mode)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.path("submit-queue"), nobody.pw_uid, nobody.pw_gid)
        self.write("etc/service.switch", "hosts files\naliases files\n")
        self.write("etc/local-host-names", self.name + "\n")
        self.write("etc/relay-domains", "example.org\n")
        self.write("etc/sasl/Sendmail.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\n"
                   f"sasldb_path: {self.path('etc/passwords')}\n")
        for name, password in self.logins.items():
            subprocess.run(["saslpasswd2", "-p", "-c", "-f", self.path("etc/passwords"), "-u", "example.org", name],
                           input=password.encode(), check=True, env=self.environment, timeout=PATIENCE)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def make(self, mc="etc/sendmail.mc", cf="etc/sendmail.cf"):
        """What `make -C /etc/mail` does."""
        done = subprocess.run(["m4", self.path(mc)], capture_output=True, text=True, env=self.environment, timeout=PATIENCE,
                              check=False)
        if done.returncode != 0 or done.stderr:
            raise SendmailProblem(f"m4 {mc}: {done.stderr}")
        self.write(cf, done.stdout)

    # --- the process ---

    def start(self):
        for _ in range(5):  # somebody may take a free port before we do
            self.configure()
            if self.start_daemon():
                return
            if "in use" not in self.said():
                break
        raise SendmailProblem(f"Sendmail did not start:\n{self.said()}{self.transcript()[-2000:]}")

    def configure(self):
        """sendmail.mc and submit.mc, not yet sendmail.cf."""
        self.port, self.submission = free_ports(2)
        names = {"name": self.name, "cf": self.cf_directory, "dir": self.directory, "sink": self.sink, "port": self.port,
                 "submission": self.submission, "filters": self.filters, "more": self.more}
        self.write("etc/sendmail.mc", MC.format(**names))
        self.write("etc/submit.mc", SUBMIT_MC.format(**names))
        self.make("etc/submit.mc", "etc/submit.cf")

    def start_daemon(self):
        """True when it listens.  In the foreground, our own child: it ends when we do."""
        self.make()
        with open(self.path("said"), "ab") as said:
            self.process = subprocess.Popen([self.program, "-bD", "-q1s", "-C", self.cf, "-X", self.path("transcript")],
                                            stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=self.environment,
                                            preexec_fn=in_its_own_host)
        end = time.monotonic() + START_PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if answers(self.port) and answers(self.submission):
                return True
            time.sleep(0.05)
        self.stop()
        return False

    def reload(self):
        """It starts itself anew in the same process."""
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)  # or the old one answers
        end = time.monotonic() + START_PATIENCE
        while not (answers(self.port) and answers(self.submission)):
            if time.monotonic() > end or self.process.poll() is not None:
                raise SendmailProblem(f"Sendmail is not back after SIGHUP:\n{self.said()}")
            time.sleep(0.05)

    def restart(self):
        """The same ports again."""
        self.stop()
        if not self.start_daemon():
            raise SendmailProblem(f"Sendmail did not start again:\n{self.said()}")

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

    # --- commands ---

    def run(self, *words, message=b""):
        done = subprocess.run([self.program, *words], input=message, capture_output=True, env=self.environment,
                              preexec_fn=in_its_own_host, timeout=START_PATIENCE, check=False)
        if done.returncode != 0:
            raise SendmailProblem(f"sendmail {' '.join(words)}: {(done.stdout + done.stderr).decode()}")
        return done.stdout.decode()

    def sendmail(self, message, mail_from, recipients):
        """sendmail(1): it talks to the MTA as a client on loopback."""
        self.run("-C", self.path("etc/submit.cf"), "-Ac", "-i", "-f", mail_from, "--", *recipients,
                 message=message.replace(b"\r\n", b"\n"))

    def queue(self):
        """The queue ids of what lies in the queue."""
        return [name[2:] for name in os.listdir(self.path("queue")) if name[:2] in ("qf", "hf")]

    def held(self):
        """Those in quarantine."""
        return [name[2:] for name in os.listdir(self.path("queue")) if name[:2] == "hf"]

    def corrupt(self):
        """Messages that Sendmail has given up: queue files it could not read."""
        return [name for name in os.listdir(self.path("queue")) if name[:2] == "Qf"]

    def release(self, queue_id):
        """Out of the quarantine; the next queue run delivers it."""
        self.run("-C", self.cf, "-qQ", "-Q", "-qI" + queue_id)

    def said(self):
        """On standard error: what keeps it from starting."""
        return self.read("said")

    def complaints(self):
        """What Sendmail would wake a postmaster for."""
        return self.said().splitlines() + self.corrupt()

    def log(self):
        return self.said() + self.transcript()

    def transcript(self):
        return self.read("transcript")

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)
