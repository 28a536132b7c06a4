"""What MTAs and their clients can do wrong.  Each is done once by calling it with a
daemon; none of them is a message that could be accepted but for those that say so."""
import random
import struct
import time

import samples
from milter_client import Gone, MilterClient, split

SHOP = "192.0.2.10"  # the daemon signs for it
SLOW = 1.0  # seconds that the slow ones take


def talk(d, timeout=60):
    client = MilterClient(d.socket, timeout).negotiate()
    client.connect(address=SHOP)
    return client


def to_the_body(d, wire=samples.PLAIN):
    """A message of which all but the body was sent."""
    c = talk(d)
    c.mail()
    c.rcpt()
    for name, value in split(wire)[0]:
        c.header(name, value)
    assert c.end_of_header().code == "c"
    return c


def quietly(function):
    """The daemon may hang up at any time."""
    def call(d):
        try:
            function(d)
        except (Gone, ConnectionError):
            pass
    call.__name__ = function.__name__
    return call


def abort_storm(d):
    with talk(d) as c:
        for point in range(100):
            c.mail()
            if point % 5 > 0:
                c.rcpt()
            if point % 5 > 1:
                c.header("Subject", " never")
            if point % 5 > 2:
                for name, value in split(samples.PLAIN)[0]:
                    c.header(name, value)
                assert c.end_of_header().code == "c"
            if point % 5 > 3:
                c.body(samples.text_of(10_000))
            c.abort()
        assert c.message(samples.PLAIN).body, "the message after a hundred aborted ones"


@quietly
def bad_length(d):
    for length in (0, 0x7FFFFFFF, 0xFFFFFFFF):
        with talk(d) as c:
            c.socket.sendall(struct.pack("!I", length) + b"B" + b"x" * 1000)
            c.receive()


@quietly
def bad_sequence(d):
    for letters in ("E", "NE", "BE", "RM", "CCME", "HNMEB", "KME", "LLN", "MRRNNE", "TMRE"):
        with MilterClient(d.socket) as c:
            c.negotiate()
            for letter in letters:
                c.send(letter, b"<a@b.example>\0" if letter in "MR" else b"X\0 y\0" if letter == "L" else b"")


@quietly
def bad_strings(d):
    for letter, data in (("C", b""), ("C", b"host"), ("C", b"host\0"), ("C", b"host\x004"), ("C", b"\0?\0\0"), ("M", b""),
                         ("M", b"<a@b.example>"), ("R", b"\0"), ("L", b"Name"), ("L", b"\0\0"), ("L", b"Name\0"), ("D", b"M"), ("D", b"Mx")):
        with MilterClient(d.socket) as c:
            c.negotiate()
            if letter != "C":
                c.connect(address=SHOP)
            if letter == "L":
                c.mail()
                c.rcpt()
            c.send(letter, data)
            c.quit()


def big_header(d):
    with talk(d) as c:
        wire = samples.with_body(b"text\r\n", b"X-Big:" + b" 0123456789\r\n" * 5000)
        assert c.message(wire).body, "a message with a field of 65,000 octets"


@quietly
def drop_body(d):
    with to_the_body(d) as c:
        c.body(samples.text_of(300_000))


@quietly
def drop_envelope(d):
    with talk(d) as c:
        c.mail()
        c.rcpt()


@quietly
def drop_end(d):
    with to_the_body(d) as c:
        c.body(samples.text_of(300_000))
        c.send("E")


@quietly
def drop_frame(d):
    with to_the_body(d) as c:
        c.socket.sendall(struct.pack("!I", 60_000) + b"B" + b"x" * 1000)


@quietly
def garbage(d):
    with MilterClient(d.socket) as c:
        # A frame that may be as long as it says would be waited for, and rightly so.
        c.socket.sendall(b"\xff" + random.randbytes(5000))
        c.receive()


@quietly
def garbage_frames(d):
    with MilterClient(d.socket) as c:
        c.negotiate()
        for _ in range(50):
            c.send(random.choice("ABCDEHKLMNORTU?"), random.randbytes(random.randrange(60)))


@quietly
def half_close(d):
    with to_the_body(d) as c:
        c.body(samples.text_of(100_000))
        c.socket.shutdown(1)
        c.socket.settimeout(SLOW)
        c.receive()


def half_open(d):
    with MilterClient(d.socket):
        time.sleep(SLOW)


@quietly
def huge_header(d):
    with talk(d) as c:
        c.mail()
        c.rcpt()
        c.header("X-Huge", b" " + b"x" * (1 << 20))
        c.end_of_header()


def many_headers(d):
    with talk(d) as c:
        c.mail()
        c.rcpt()
        for name, value in split(samples.PLAIN)[0]:
            c.header(name, value)
        for n in range(10_000):
            c.header(f"X-{n}", " y")
        assert c.end_of_header().code in "cat"


def many_recipients(d):
    with talk(d) as c:
        c.mail()
        for n in range(10_000):
            c.rcpt(f"<r{n}@partner.example>")
        for name, value in split(samples.PLAIN)[0]:
            c.header(name, value)
        assert c.end_of_header().code == "c"
        c.body(b"text\r\n")
        assert c.end_of_message().code in "act"


def no_header(d):
    with talk(d) as c:
        c.mail()
        c.rcpt()
        if c.end_of_header().code == "c":
            assert c.end_of_message().code in "act"


def nul_octets(d):
    with to_the_body(d) as c:
        c.body(b"\0\r\n\n\r\r" * 20_000)
        assert c.end_of_message().code in "act"


@quietly
def slow_sender(d):
    with talk(d) as c:
        frame = struct.pack("!I", 40) + b"M" + b"<slow@example.net>\0" + b"x" * 20
        end = time.monotonic() + SLOW
        while time.monotonic() < end:
            c.socket.sendall(frame[:1])
            frame = frame[1:] or b"\0"
            time.sleep(0.01)


def slow_reader(d):
    """Takes the answer an octet at a time; what comes is a whole signed message."""
    with to_the_body(d) as c:
        body = samples.text_of(20_000)
        c.body(body)
        c.macro("E", i="4Slow")
        c.send("E")
        end = time.monotonic() + SLOW
        while time.monotonic() < end:
            c.buffer += c.socket.recv(1)
            time.sleep(0.001)
        raw = []
        reply = c.answer(raw)
        assert reply.code in "ac" and any(code == "b" for code, _ in raw), reply


ALL = (abort_storm, bad_length, bad_sequence, bad_strings, big_header, drop_body, drop_envelope, drop_end, drop_frame, garbage,
       garbage_frames, half_close, half_open, huge_header, many_headers, many_recipients, no_header, nul_octets, slow_sender,
       slow_reader)
