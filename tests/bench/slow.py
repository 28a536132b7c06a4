"""Messages that were made to cost much: each a few octets that stand for many."""
import base64
import datetime
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


def part(winmail):
    return (b'Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\n' +
            base64.encodebytes(bytes(winmail)).replace(b"\n", b"\r\n"))


def winmail(*properties):
    """Each (number, octets)."""
    all_of_them = tnef.Properties()
    for number, octets in properties:
        all_of_them.add(0x102 if number == RTF else 0x1e, number, octets)
    return tnef.Tnef().properties(all_of_them)


def as_winmail(name, *properties):
    return HEAD.format(name, name).encode() + part(winmail(*properties))


def mixed(name, parts, header=""):
    return (HEAD.format(name, name) + header + 'Content-Type: multipart/mixed; boundary="p"\r\n\r\n').encode() + b"".join(
        b"--p\r\n" + one + b"\r\n" for one in parts) + b"--p--\r\n"


def meeting():
    when = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
    of = bytes.fromhex("0220060000000000c000000000000046"), bytes.fromhex("90dad86e0b451b1098da00aa003f1305")
    return tnef.Tnef("IPM.Schedule.Meeting.Request").properties(
        tnef.Properties().time(0x820d, when, of[0]).time(0x820e, when, of[0]).binary(0x0003, tnef.global_id(b"x"), of[1]))


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
        # Of two octets three or more come, which count.
        rtf = compressed(rb"{\rtf1\ansi\ansicpg%d " % page, unit, size * 4 // 3)
        made[f"page-{name}"] = as_winmail(name, (RTF, rtf), (TEXT, b"x" * max(0, size * 7 // 10 - len(rtf))))
        # The same where it takes longest to find out what is in it, for its size.
        rtf = compressed(rb"{\rtf1\ansi\ansicpg%d " % page, unit, 200_000)
        made[f"small-{name}"] = as_winmail(f"small-{name}", (RTF, rtf), (TEXT, b"x" * max(0, 30_000 - len(rtf))))
    # Many of them, each of which says that its text is long, names a code page of its own, or repeats the header.
    made["claims"] = mixed("claims", [part(winmail((RTF, tnef.packed(b"", size * 2))))] * min(9900, size // 250))
    numbers = (437, 850, 852, 855, 866, 874, 932, 936, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)
    made["code-pages"] = mixed("code-pages", [part(winmail((RTF, tnef.compressed(rb"{\rtf1\ansi\ansicpg%d \'b1}" % number))))
                                              for number in numbers * (size // 7000)])
    invited = "Cc: " + ",\r\n ".join(f"a{i}@example.org" for i in range(size // 100)) + "\r\n"
    made["meetings"] = mixed("meetings", [part(meeting())] * (size // 2000), invited)
    # Words beside HTML of nothing but characters by name.
    made["entities"] = mixed("entities", [b"Content-Type: text/plain\r\n\r\nsome words", part(winmail(
        (RTF, compressed(html, b"&;&yuml;&yacut&;&", size)), (0x3001, b"x" * (size // 2))))])
    hyphens = part(winmail((TEXT, b"short")))
    for depth in range(40):
        hyphens = (f'Content-Type: multipart/mixed; boundary="d{depth}"\r\n\r\n--d{depth}\r\n'.encode() + hyphens +
                   (b"\r\n--d%d\r\nContent-Type: text/plain\r\n\r\n" % depth + b"-- " * (size // 120)) +
                   b"\r\n--d%d--\r\n" % depth)
    made["many-hyphens"] = HEAD.format("many-hyphens", "many-hyphens").encode() + hyphens
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
