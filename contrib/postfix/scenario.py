"""The part of contrib/postfix/demo and contrib/sendmail/demo that sends mail:

    python3 scenario.py [--keep] [--remove DIRECTORY] postfix|sendmail BUILD-DIRECTORY

Uses the private MTAs, the SMTP client and the sink of the tests."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(TOP, "tests", "mta"), os.path.join(TOP, "tests", "lib")]

import octets  # noqa: E402
import private_postfix  # noqa: E402
import private_sendmail  # noqa: E402
import smtp  # noqa: E402
from gateway import Gateway  # noqa: E402

ALICE, BOB, ARCHIVE, OUTSIDE = "alice@example.org", "bob@example.org", "archive@example.org", "carol@example.net"
PASSWORD = "demo"
LOGINS = {"alice": PASSWORD, "bob": PASSWORD}
RULES = """
[rule staff]
direction = outgoing
sender    = *@example.org
sign      = clear
digest    = sha256

[rule archive]
direction = incoming
recipient = archive@example.org
verify    = yes
strip     = valid

[rule inbound]
direction  = incoming
verify     = yes
strip      = never
on_invalid = mark
"""


class NotAsTold(Exception):
    """A step had another outcome than it should."""


class Stopped(Exception):
    """By a signal."""


def stop(number, _):
    # Once is enough: what follows is the cleaning up.
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)


def say(text=""):
    print(text, flush=True)


def headline(text):
    say(f"\n== {text}")


def show(text):
    for line in text.splitlines():
        say("   | " + line.rstrip("\r"))


def expect(condition, what):
    if not condition:
        raise NotAsTold(what)
    say(f"   ok: {what}")


class WithPostfix:
    """What is particular to this MTA."""

    name, missing = "Postfix", staticmethod(private_postfix.missing)
    parent = "/tmp"
    files = (("main.cf and master.cf", "mta/etc"), ("Postfix's log", "mta/log/mail.log"))

    @staticmethod
    def make(demo):
        return private_postfix.PrivatePostfix(demo.path("mta"), demo.sink.port, demo.gateway.milter, LOGINS)

    @staticmethod
    def configuration(mta):
        return subprocess.run(["postconf", "-c", mta.path("etc"), "-n", "smtpd_milters", "non_smtpd_milters",
                               "milter_default_action"], capture_output=True, text=True, check=True, timeout=60).stdout


class WithSendmail:
    name, missing = "Sendmail", staticmethod(private_sendmail.missing)
    parent = "/run"  # it wants no milter's socket below a directory where others may write
    files = ((".mc and .cf", "mta/etc"), ("what was said by SMTP", "mta/transcript"))

    @staticmethod
    def make(demo):
        programs = private_sendmail.unpack(os.path.join(os.path.dirname(demo.build), "sendmail"))
        say(f"   unpacked, not installed: {programs}")
        lines = (f"define(`SMIME_MILTER_SOCKET', `{demo.gateway.milter.replace('unix:', 'local:')}')dnl\n"
                 f"include(`{TOP}/contrib/sendmail/smime-milter.m4')dnl\n")
        return private_sendmail.PrivateSendmail(demo.path("mta"), programs, demo.sink.port, lines, LOGINS)

    @staticmethod
    def configuration(mta):
        def lines(name, *words):
            return "".join(line for line in mta.read(name).splitlines(True) if any(word in line for word in words))

        return ("(sendmail.mc)\n" + lines("etc/sendmail.mc", "SMIME_MILTER", "smime-milter.m4") + "(sendmail.cf)\n" +
                lines("etc/sendmail.cf", "InputMailFilters", "Xsmime-milter", "DaemonPortOptions"))


KINDS = {"postfix": WithPostfix, "sendmail": WithSendmail}


class Demo:
    def __init__(self, build, directory, kind):
        self.build, self.directory, self.kind = build, directory, kind
        self.sink = smtp.Sink()
        self.gateway = self.mta = None

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def come_up(self):
        headline(f"a test CA, a certificate for {ALICE}, the daemon")
        self.gateway = Gateway(self.build, self.path("gateway"), RULES, [ALICE])
        self.gateway.start()
        with open(self.gateway.config, encoding="utf-8") as f:
            show(f.read())
        say(f"   running as {self.gateway.user}, pid {self.gateway.process.pid}")
        headline(f"a private {self.kind.name}")
        self.mta = self.kind.make(self)
        self.mta.start()
        show(self.kind.configuration(self.mta))
        say(f"   127.0.0.1:{self.mta.port} takes mail from outside, 127.0.0.1:{self.mta.submission} from who has"
            f" logged in,\n   what is delivered goes to a mailbox on 127.0.0.1:{self.sink.port}; pid {self.mta.process.pid}")

    def go_down(self):
        for part in (self.mta, self.gateway):
            if part is not None:
                try:
                    part.stop()
                except Exception as why:  # the other one has to be stopped as well
                    say(f"   while stopping: {why}")
        if self.gateway is not None:
            self.gateway.kill()
        self.sink.close()

    # --- the scenario ---

    def message(self, sender, mark):
        return octets.crlf(f"From: <{sender}>\nTo: <{OUTSIDE}>\nSubject: {mark}\n"
                           f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\n"
                           f"Message-ID: <{mark}.{os.getpid()}@example.org>\nMIME-Version: 1.0\n"
                           "Content-Type: text/plain; charset=us-ascii\n\n"
                           "Noon at the usual place?\n\nAlice\n")

    def submit(self, message, login):
        with smtp.Client(self.mta.submission, (login, PASSWORD)) as client:
            return smtp.queue_id(client.send(login, [OUTSIDE], message))

    def receive(self, message, recipient):
        with smtp.Client(self.mta.port) as client:
            return smtp.queue_id(client.send("someone@example.net", [recipient], message))

    def delivered(self, queue_id, mark, recipient, file):
        """What has arrived, kept in a file; shows the daemon's line about it."""
        message = self.sink.wait(f"{mark}.{os.getpid()}@".encode(), recipient).message
        with open(self.path(file), "wb") as f:
            f.write(message)
        say("   the daemon says")
        show(self.gateway.logged(queue_id))
        say(f"   delivered: {self.path(file)}")
        return message

    def alice_as_herself(self):
        headline(f"{ALICE} logs in and sends a message to {OUTSIDE}")
        sent = self.message(ALICE, "lunch")
        signed = self.delivered(self.submit(sent, ALICE), "lunch", OUTSIDE, "1-signed.eml")
        show(octets.header_and_body(signed)[0].decode())
        command = ["openssl", "cms", "-verify", "-in", self.path("1-signed.eml"), "-CAfile",
                   self.gateway.authority.certificate, "-signer", self.path("1-signer.pem"), "-out", self.path("1-content")]
        say("   $ " + " ".join(command))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        show(done.stderr)
        expect(done.returncode == 0, "openssl cms has verified the signature")
        with open(self.path("1-content"), "rb") as f:
            expect(f.read() == octets.entity(sent) == octets.Signed(signed).content,
                   "the signed content is what was sent, octet for octet")
        return sent, signed

    def alice_as_bob(self):
        headline(f"{ALICE} logs in and sends a message in the name of {BOB}")
        sent = self.message(BOB, "forgery")
        queue_id = self.submit(sent, ALICE)
        arrived = self.delivered(queue_id, "forgery", OUTSIDE, "2-unsigned.eml")
        expect(b"pkcs7" not in arrived and arrived.endswith(sent), "it is delivered as it was sent, without a signature")
        expect("action=none" in self.gateway.logged(queue_id) and "may not sign as" in self.gateway.logged(queue_id),
               "the log says why")

    def signed_from_outside(self, signed):
        headline(f"the signed message comes in from outside, to {BOB}")
        arrived = self.delivered(self.receive(signed, BOB), "lunch", BOB, "3-verified.eml")
        results = self.results(arrived)
        expect("smime=pass" in results and ALICE in results, "smime=pass, signed by alice")

    def tampered_from_outside(self, signed):
        headline("it comes in again, and somebody has changed a word")
        tampered = signed.replace(b"Noon at", b"Never at").replace(b"lunch.", b"tampered.")
        arrived = self.delivered(self.receive(tampered, BOB), "tampered", BOB, "4-tampered.eml")
        expect("smime=fail" in self.results(arrived), "smime=fail")
        expect(b"\r\nX-SMIME-Result: fail" in arrived, "and it is marked for the mail program")

    def stripped(self, sent, signed):
        headline(f"the signed message comes in for {ARCHIVE}, whose rule says strip")
        arrived = self.delivered(self.receive(signed, ARCHIVE), "lunch", ARCHIVE, "5-stripped.eml")
        show(arrived.decode())
        expect("smime=pass" in self.results(arrived), "smime=pass")
        expect(octets.entity(arrived) == octets.entity(sent), "the content is what alice had written, the signature is gone")

    def results(self, message):
        found = octets.values(octets.header_and_body(message)[0], "Authentication-Results")
        if len(found) != 1:
            raise NotAsTold(f"{len(found)} fields Authentication-Results")
        show("Authentication-Results: " + found[0])
        return found[0]

    def play(self):
        sent, signed = self.alice_as_herself()
        self.alice_as_bob()
        self.signed_from_outside(signed)
        self.tampered_from_outside(signed)
        self.stripped(sent, signed)

    def tell_where(self, kept):
        headline("where everything lies" if kept else
                 f"where everything lay (contrib/{self.kind.name.lower()}/demo --keep keeps it)")
        for what, name in (("messages", "[1-5]-*.eml"), ("configuration", "gateway/smime-milter.conf"),
                           ("CA and keys", "gateway/ca, gateway/keys"), ("the daemon's log", "gateway/log"),
                           *self.kind.files):
            say(f"   {what:22} {self.path(name.split(', ')[0])}" + "".join(", " + n for n in name.split(", ")[1:]))
        say(f"   {'programs':22} {self.build}")


def run(build, keep, kind):
    directory = tempfile.mkdtemp(prefix="smime-milter-demo-", dir=kind.parent)
    os.chmod(directory, 0o755)  # the daemon and the MTA have to pass
    demo = Demo(build, directory, kind)
    status = 1
    try:
        demo.come_up()
        demo.play()
        demo.tell_where(keep)
        status = 0
    except Stopped as why:
        status = 128 + why.args[0]
        say("\nstopped")
    except Exception as why:  # whatever it is, it is told, and everything is stopped
        say(f"\nNOT AS TOLD: {type(why).__name__}: {why}")
        if demo.gateway is not None:
            say("\n   the daemon's log")
            show(demo.gateway.log()[-4000:])
        if demo.mta is not None:
            say(f"\n   {kind.name}'s log")
            show(demo.mta.log()[-4000:])
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        demo.go_down()
        if keep:
            say(f"\nkept: {directory}; remove it with: rm -r {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return status


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--remove", metavar="DIRECTORY")
    parser.add_argument("mta", choices=KINDS)
    parser.add_argument("build")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    os.umask(0o022)
    try:
        kind = KINDS[options.mta]
        why = kind.missing()
        if why:
            say(why)
            return 1
        status = run(os.path.abspath(options.build), options.keep, kind)
    except Stopped as number:
        return 128 + number.args[0]
    finally:
        if options.remove:
            shutil.rmtree(options.remove, ignore_errors=True)
    say("\nEverything went as told; everything was stopped." if status == 0 else "\nNot everything went as told.")
    if status == 0 and not options.remove:
        say(f"The programs stay in {options.build} for the next run.")
    return status


if __name__ == "__main__":
    sys.exit(main())
