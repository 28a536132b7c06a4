"""A mail site for the tests: the daemon under test behind a real MTA, sinks for what
is delivered, and what tests do with them all the time.  Which MTA it is does not
matter here; PrivatePostfix and PrivateSendmail have the same face."""
import email
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import octets  # noqa: E402
import smtp  # noqa: E402
import suite  # noqa: E402
import verifiers  # noqa: E402
from gateway import Gateway, wait_for  # noqa: E402
from suite import same  # noqa: E402

LOGINS = {"alice": "alices-secret", "bob": "bobs-secret", "opaque": "x", "required": "x"}
ADDRESSES = ["alice@example.org", "bob@example.org", "opaque@example.org", "required@example.org"]
RULES = """
[rule plain-partner]
direction = outgoing
recipient = plain@example.net, plain@seven.example.net
sign      = no

[rule opaque]
sender = opaque@example.org
sign   = opaque

[rule required]
sender        = required@example.org
sign          = clear
sign_required = yes

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

[rule strict]
direction  = incoming
recipient  = strict@example.org
verify     = yes
on_invalid = reject

[rule held]
direction  = incoming
recipient  = held@example.org
verify     = yes
on_invalid = quarantine

[rule tagged]
direction  = incoming
recipient  = tagged@example.org
verify     = yes
on_invalid = tag

[rule inbound]
direction  = incoming
verify     = yes
on_invalid = mark
"""
SETTINGS = "max_message_size = 1M\n"
OUTSIDE = "someone@example.net"


class Site:
    """`mta(site, directory)` makes the MTA, not yet started: everything goes to
    site.sink, seven.example.net to site.seven_bit_sink, and site.gateway is the milter."""

    def __init__(self, build, directory, mta):
        self.directory = directory
        self.sink, self.seven_bit_sink = smtp.Sink(), smtp.Sink(eightbit=False)
        self.gateway = Gateway(build, os.path.join(directory, "gateway"), RULES, ADDRESSES, SETTINGS)
        self.mta = mta(self, os.path.join(directory, "mta"))
        self.anchor = self.gateway.authority.certificate
        self.count = 0

    def __enter__(self):
        try:
            self.gateway.start()
            self.mta.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.gateway.kill()
        self.close()

    def close(self):
        try:
            self.mta.stop()
            self.gateway.stop()
        finally:
            self.gateway.kill()
            self.sink.close()
            self.seven_bit_sink.close()

    def message(self, sender="alice@example.org", to=OUTSIDE, extra="", body="Noon at the usual place?\n\nAlice\n",
                content="Content-Type: text/plain; charset=us-ascii\n"):
        """A message with a mark of its own: (mark, octets)."""
        self.count += 1
        mark = f"test-{self.count}-{os.getpid()}@example.org"
        text = (f"From: Somebody <{sender}>\nTo: <{to}>\nSubject: lunch\n"
                f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\n"
                f"Message-ID: <{mark}>\nMIME-Version: 1.0\n{extra}{content}\n{body}")
        return mark.encode(), octets.crlf(text)

    def submit(self, message, login="alice", mail_from=None, to=(OUTSIDE,), parameters=""):
        """As who has logged in; the queue id."""
        name = f"{login}@example.org"
        with smtp.Client(self.mta.submission, (name, LOGINS[login])) as client:
            return smtp.queue_id(client.send(name if mail_from is None else mail_from, to, message, parameters))

    def receive(self, message, to=("bob@example.org",), mail_from="someone@example.net"):
        """As from outside; the queue id."""
        with smtp.Client(self.mta.port) as client:
            return smtp.queue_id(client.send(mail_from, to, message))

    def refused(self, action, *arguments, **keywords):
        """The reply of a refused message."""
        try:
            accepted = action(*arguments, **keywords)
        except smtp.Refused as why:
            return why
        raise AssertionError(f"accepted as {accepted}")

    def signed_by_alice(self, **keywords):
        """A message that alice has sent out, as a stranger has received it."""
        mark, message = self.message(**keywords)
        self.submit(message)
        return mark, self.sink.wait(mark).message


def without_trace(delivered):
    """The fields and the body without what the MTA and the milter put on top:
    (names on top, fields, body).  A field on top stands above the first one
    that was sent, or replaced a Received of ours."""
    header, body = octets.header_and_body(delivered)
    fields = octets.fields(header)
    top = []
    while fields and octets.name(fields[0]) in ("received", "authentication-results", "x-smime-result",
                                                "x-smime-stripped", "x-smime-signer"):
        top.append(fields.pop(0))
    return top, fields, body


def expect_untouched(sent, delivered, hops=1):
    """Only the MTA's own Received is new, one of each hop."""
    header, body = octets.header_and_body(sent)
    top, fields, delivered_body = without_trace(delivered)
    same([octets.name(f) for f in top], ["received"] * hops, "fields on top")
    same(fields, octets.fields(header), "fields")
    same(delivered_body, body, "body")


def expect_signed(site, sent, delivered, form="clear", address="alice@example.org", hops=1):
    """Signed by this one, and the signature covers just what was sent."""
    header, body = octets.header_and_body(sent)
    top, fields, _ = without_trace(delivered)
    same([octets.name(f) for f in top], ["received"] * hops, "fields on top")
    outer = [f for f in octets.fields(header) if not octets.name(f).startswith("content-")]
    same([f for f in fields if not octets.name(f).startswith("content-")], outer, "fields that are not Content-*")
    signed = octets.Signed(delivered)
    same(signed.form, form, "form")
    if form == "clear":
        same(signed.content, octets.entity(sent), "signed content")
    content = verifiers.openssl(site.anchor, signed, address)
    same(content, octets.entity(sent), "content that openssl has verified")
    return signed


def leaves(message):
    """What an independent reader gets: the type and the octets of every part."""
    return [(part.get_content_type(), part.get_payload(decode=True))
            for part in email.message_from_bytes(message).walk() if not part.is_multipart()]


def expect_signed_and_encoded(site, sent, delivered):
    signed = octets.Signed(delivered)
    for verified in (verifiers.openssl(site.anchor, signed, "alice@example.org"), signed.content):
        same(leaves(verified), leaves(octets.entity(sent)), "parts")
    assert signed.content.isascii(), "the signed content is not 7-bit"
    return signed


def results(delivered):
    return octets.values(octets.header_and_body(delivered)[0], "Authentication-Results")


def tampered(message, old=b"Noon", new=b"Never"):
    assert old in message
    return message.replace(old, new)


def expect_quiet(site):
    """The end: nothing waits, nothing is lost, nobody has complained."""
    wait_for(lambda: not site.mta.queue(), f"an empty queue, not {site.mta.queue()}", 20)
    same(site.mta.complaints(), [], "complaints of the MTA")
    site.gateway.check_alarms()


def main(program, why, mta, parent):
    """Runs what is registered, on a site below `parent`; `why` it cannot be, if so."""
    if len(sys.argv) < 2:
        sys.exit(f"usage: {program} BUILD-DIRECTORY [WORD]...")
    if why:
        print(f"skip  everything: {why}")
        return suite.total(0, 0, 1)
    os.umask(0o022)
    directory = tempfile.mkdtemp(prefix="sm-", dir=parent)
    os.chmod(directory, 0o755)
    try:
        with Site(os.path.abspath(sys.argv[1]), directory, mta) as site:
            status = suite.run(sys.argv[2:], site)
            if status:
                print(f"--- the daemon's log ends with\n{site.gateway.log()[-3000:]}"
                      f"--- the MTA's ends with\n{site.mta.log()[-3000:]}", file=sys.stderr)
        site.gateway.check_alarms()
        return status
    finally:
        shutil.rmtree(directory, ignore_errors=True)
