"""Messages that were made to cost much: each a few octets that stand for many."""
import base64
import os
import struct
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib")]

import tnef  # noqa: E402

TEXT, RTF, HTML = 0x1000, 0x1009, 0x1013
HEAD = ("From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: {}\r\nDate: Mon, 1 Jun 2026 12:00:00 +0000\r\n"
        "Message-ID: <{}@example.org>\r\nMIME-Version: 1.0\r\n")


def compressed(start, unit, size):
    """RTF that begins with `start` and goes on with `unit`, 17 octets, as the fewest octets there can be."""
    assert len(unit) == 17
    first = start + unit
    tokens = [bytes([octet]) for octet in first]
    at = 207 + len(first)
    while at - 207 < size:
        tokens.append(struct.pack(">H", (at - 17) % 4096 << 4 | 15))
        at += 17
    tokens.append(b"}")
    at += 1
    tokens.append(struct.pack(">H", at % 4096 << 4))
    out = bytearray()
    for i in range(0, len(tokens), 8):
        group = tokens[i:i + 8]
        out.append(sum(1 << j for j, token in enumerate(group) if len(token) == 2))
        out += b"".join(group)
    return tnef.packed(bytes(out), at - 207)


def as_winmail(name, *properties):
    """Each (number, octets)."""
    all_of_them = tnef.Properties()
    for number, octets in properties:
        all_of_them.add(0x102 if number == RTF else 0x1e, number, octets)
    octets = bytes(tnef.Tnef().properties(all_of_them))
    return (HEAD.format(name, name) + 'Content-Type: application/ms-tnef; name="winmail.dat"\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n").encode() + base64.encodebytes(octets).replace(b"\n", b"\r\n")


def messages(site, size):
    """Files of about `size` octets."""
    fonts = rb"{\rtf1\ansi{\fonttbl{\f0\fcharset128 A;}{\f1\fcharset204 B;}}"
    html = rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 }"
    # Each character by itself, in code pages of two octets, of up to four, and with accents of their own.
    pages = {"pairs": (932, b"\xe8\xa0\\~" * 4 + b"x"), "fours": (54936, b"\x81\x30\x81\x31\\~" * 2 + b"abcde"),
             "points": (1255, b"\xe9\\~" * 5 + b"ab"), "accents": (1258, b"\xe9\xcc\\~" * 4 + b"a"), "holes": (1255, b"\x81\\~" * 5 + b"ab")}
    units = {"fonts": rb"\f1\'e9\f0\'b8 ab", "unicode": rb"\u1234?\u5678?\b ", "groups": b"{{{{{{{{}}}}}}}}x",
             "words": rb"\par\tab\b0\i0 xy", "bytes": rb"\'e9\'e8\'e7\'e6 ", "text": b"abcdefghijklmnop "}
    assert {len(unit) for unit in units.values()} == {17}
    made = {}
    for start, prefix in ((fonts, "rtf"), (html, "html")):
        for name, unit in units.items():
            # As much of it as is still unpacked, beside a text that makes the message large enough for that.
            rtf = compressed(start, unit, size * 2)
            made[f"{prefix}-{name}"] = as_winmail(name, (RTF, rtf), (TEXT, b"x" * max(0, size * 7 // 10 - len(rtf))))
    for name, (page, unit) in pages.items():
        rtf = compressed(rb"{\rtf1\ansi\ansicpg%d " % page, unit, size * 2)
        made[f"page-{name}"] = as_winmail(name, (RTF, rtf), (TEXT, b"x" * max(0, size * 7 // 10 - len(rtf))))
    # Many texts that say that they are long.
    claim = b"--p\r\n" + as_winmail("claim", (RTF, tnef.packed(b"", size * 2))).partition(b"Message-ID")[2].partition(b"MIME-Version: 1.0\r\n")[2]
    made["claims"] = (HEAD.format("claims", "claims") + 'Content-Type: multipart/mixed; boundary="p"\r\n\r\n').encode() + claim * min(9900, size // len(claim)) + b"--p--\r\n"
    made["padding"] = as_winmail("padding", (TEXT, b"x" * (size // 2)))
    made["cids"] = as_winmail("cids", (HTML, b"<img src=cid:a@b>" * (size // 24)))
    lines = {"blanks": b" " * 70 + b"\r\n", "from": b"From x\r\n", "dots": b".\r\n", "equals": b"=" * 70 + b"\r\n", "latin": b"\xfc" * 70 + b"\r\n",
             "long": b"x" * 100_000 + b"\r\n", "bare-cr": b"a\rb\r\n", "hyphens": b"--" * 30 + b"\r\n", "delimiters": b"--p\r\n\r\n"}
    for name, line in lines.items():
        kind = 'multipart/mixed; boundary="p"' if name in ("hyphens", "delimiters") else "text/plain; charset=iso-8859-1"
        made[name] = (HEAD.format(name, name) + f"Content-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").encode() + line * (size // len(line))
    addresses = ", ".join(f"a{i} <a{i}@example.org>" for i in range(size // 100))
    made["addresses"] = (f"To: {addresses}\r\n".replace(", ", ",\r\n ") + HEAD.format("addresses", "addresses") + "\r\nx\r\n").encode()
    made["comments"] = (HEAD.format("comments", "comments") + "Content-Type: text/plain; " + "(" * 9000 + ")" * 9000 + "\r\n\r\nx\r\n").encode()
    made["words"] = ("Subject: " + "\r\n ".join(["=?utf-8?b?w7w=?="] * (size // 100)) + "\r\n" + HEAD.format("words", "words") + "\r\nx\r\n").encode()
    files = []
    for name, octets in made.items():
        files.append(site.write(f"slow-{name}.eml", octets))
    return files
