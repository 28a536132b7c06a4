"""Octets that no MTA sends: the daemon drops the connection or the command, and serves the others."""
import random
import struct

import samples
from harness import Daemon
from milter_client import Gone, MilterClient, split
from test_messages import SHOP, talk


def serves(d):
    with talk(d, SHOP) as c:
        return bool(c.message(samples.PLAIN).body)


def test_garbage_instead_of_frames():
    chance = random.Random(1)
    with Daemon() as d:
        for length in (1, 3, 4, 5, 17, 1000, 100_000):
            with MilterClient(d.socket) as c:
                try:
                    c.socket.sendall(chance.randbytes(length))
                except ConnectionError:
                    pass
        assert d.alive() and serves(d)
        d.settled()


def test_frames_of_impossible_length():
    with Daemon() as d:
        for length in (0, 0x7FFFFFFF, 0xFFFFFFFF, 2 << 20):
            with talk(d, SHOP) as c:
                c.socket.sendall(struct.pack("!I", length) + b"B")
                try:
                    c.socket.sendall(b"x" * 1000)
                    c.receive()
                except (Gone, ConnectionError):
                    pass
        assert d.alive() and serves(d)


def test_commands_in_any_order_and_of_any_form():
    chance = random.Random(2)
    letters = "ABCDEHKLMNOQRTUZ?"
    with Daemon() as d:
        for _ in range(150):
            with MilterClient(d.socket) as c:
                try:
                    c.negotiate()
                    for _ in range(chance.randrange(1, 25)):
                        data = chance.choice([b"", b"\0", b"x", b"x\0", b"a\0b\0", b"h\0" + b"4\x12\x34127.0.0.1\0",
                                              chance.randbytes(chance.randrange(60))])
                        c.send(chance.choice(letters), data)
                except (Gone, ConnectionError):
                    pass
        assert d.alive() and serves(d)
        d.settled()


def test_header_and_body_without_mail_are_not_a_message():
    with Daemon() as d, talk(d, SHOP) as c:
        for name, value in split(samples.PLAIN)[0]:
            c.header(name, value)
        c.send("N")
        c.send("B", b"body\r\n")
        c.send("E")
        # libmilter ignores what cannot follow; the message that does begin is whole.
        result = c.message(samples.PLAIN)
        assert result.code in "act", result
        assert d.alive() and serves(d)


def test_macros_of_a_wrong_shape():
    with Daemon() as d:
        for data in (b"", b"C", b"Cj\0", b"Cj", b"Mi\0\0\0\0", b"?x\0y\0", b"N" + b"\0" * 50):
            with MilterClient(d.socket) as c:
                c.negotiate()
                try:
                    c.send("D", data)
                    c.connect(address=SHOP)
                    c.message(samples.PLAIN)
                except (Gone, ConnectionError):
                    pass
        assert d.alive() and serves(d)


def test_many_fields_and_many_recipients_are_only_work():
    with Daemon() as d, talk(d, SHOP) as c:
        c.mail("<alice@example.org>")
        for number in range(5000):
            c.rcpt(f"<r{number}@partner.example>")
        for name, value in split(samples.PLAIN)[0]:
            c.header(name, value)
        for number in range(5000):
            c.header(f"X-{number}", " y")
        assert c.end_of_header().code in "ca"
        c.body(b"text\r\n")
        assert c.end_of_message().code in "ac"
        d.settled()


def test_nest_of_a_hundred_thousand_levels():
    body = b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (i, i + 1)
                    for i in range(100_000))
    wire = samples.PLAIN.replace(b"text/plain; charset=us-ascii", b"multipart/mixed; boundary=b0")
    wire = wire.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    with Daemon() as d, talk(d, SHOP) as c:
        result = c.message(wire)
        assert result.code in "acyt", result
        assert d.alive() and serves(d)
