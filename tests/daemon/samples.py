"""Messages."""
import base64
import os

from harness import GOLDEN

PLAIN = (b"From: Alice <alice@example.org>\r\n"
         b"To: bob@partner.example\r\n"
         b"Subject: a greeting\r\n"
         b"Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
         b"Message-ID: <1@example.org>\r\n"
         b"MIME-Version: 1.0\r\n"
         b"Content-Type: text/plain; charset=us-ascii\r\n"
         b"\r\n"
         b"Hello Bob,\r\n"
         b"this is Alice.\r\n")


def golden(case):
    with open(os.path.join(GOLDEN, case, "in.eml"), "rb") as f:
        return f.read()


def text_of(octets):
    """A body of about so many octets, lines of 72."""
    line = b"0123456789" * 7 + b"\r\n"
    return line * (octets // len(line) + 1)


def with_body(body, extra=b""):
    head = PLAIN.partition(b"\r\n\r\n")[0]
    return head + b"\r\n" + extra + b"\r\n" + body


def parts(wire):
    """The parts of a multipart message, octet for octet."""
    head, _, body = wire.partition(b"\r\n\r\n")
    unfolded = head.replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    boundary = unfolded.split(b'boundary="')[1].split(b'"')[0]
    return [p.partition(b"\r\n")[2] for p in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]]


def signed_part(wire):
    return parts(wire)[0]


def signature(wire):
    """The SignedData of a multipart/signed, DER."""
    return base64.b64decode(parts(wire)[1].partition(b"\r\n\r\n")[2])
