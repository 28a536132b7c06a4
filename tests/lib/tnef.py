"""A writer of TNEF (MS-OXTNEF), so that tests need nobody's winmail.dat.

    message = Tnef("IPM.Note").body("text").file("name", b"octets")
    octets = bytes(message)
"""
import datetime
import struct
import zlib

APPOINTMENT = bytes.fromhex("0220060000000000c000000000000046")
MEETING = bytes.fromhex("90dad86e0b451b1098da00aa003f1305")
IID_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")
IID_STORAGE = bytes.fromhex("0b00000000000000c000000000000046")


def padded(octets):
    return octets + bytes(-len(octets) % 4)


def packed(content, size):
    """What stands before compressed RTF that makes `size` octets, and it."""
    crc = zlib.crc32(content, 0xffffffff) ^ 0xffffffff  # begins with 0, and is not inverted
    return struct.pack("<II4sI", len(content) + 12, size, b"LZFu", crc) + content


def compressed(rtf):
    """Compressed RTF (MS-OXRTFCP) without references but the one that ends it."""
    content, whole = b"", len(rtf) // 8 * 8
    for at in range(0, whole, 8):
        content += b"\0" + rtf[at:at + 8]
    end = (207 + len(rtf)) % 4096 << 4
    content += bytes([1 << len(rtf) - whole]) + rtf[whole:] + struct.pack(">H", end)
    return packed(content, len(rtf))


class Properties:
    def __init__(self):
        self.octets, self.count = b"", 0

    def add(self, kind, number, value, of=None):
        self.octets += struct.pack("<HH", kind, 0x8000 + self.count if of else number)
        if of:
            self.octets += of + struct.pack("<II", 0, number)
        if kind in (0x0d, 0x1e, 0x1f, 0x102):
            self.octets += struct.pack("<II", 1, len(value))
        self.octets += padded(value)
        self.count += 1
        return self

    def text(self, number, text, of=None):
        return self.add(0x1f, number, text.encode("utf-16-le") + b"\0\0", of)

    def number(self, number, value, of=None):
        return self.add(0x03, number, struct.pack("<I", value), of)

    def boolean(self, number, value, of=None):
        return self.add(0x0b, number, struct.pack("<H", value), of)

    def time(self, number, when, of=None):
        since = when - datetime.datetime(1601, 1, 1, tzinfo=datetime.timezone.utc)
        return self.add(0x40, number, struct.pack("<Q", int(since.total_seconds()) * 10**7), of)

    def binary(self, number, octets, of=None):
        return self.add(0x102, number, octets, of)

    def object(self, iid, octets):
        return self.add(0x0d, 0x3701, iid + octets)

    def __bytes__(self):
        return struct.pack("<I", self.count) + self.octets


class Tnef:
    def __init__(self, message_class="IPM.Note", code_page=1252):
        self.octets = struct.pack("<IH", 0x223e9f78, 1)
        self.attribute(1, 0x00089006, struct.pack("<I", 0x10000))
        self.attribute(1, 0x00069007, struct.pack("<II", code_page, 0))
        self.attribute(1, 0x00078008, message_class.encode() + b"\0")

    def attribute(self, level, number, data):
        self.octets += struct.pack("<BII", level, number, len(data)) + data + struct.pack("<H", sum(data) & 0xffff)
        return self

    def body(self, text, code_page="cp1252"):
        return self.attribute(1, 0x0002800c, text.encode(code_page) + b"\0")

    def properties(self, properties):
        return self.attribute(1, 0x00069003, bytes(properties))

    def file(self, title, octets, more=None):
        self.attribute(2, 0x00069002, bytes(14)).attribute(2, 0x0006800f, octets)
        self.attribute(2, 0x00018010, title.encode("cp1252") + b"\0")
        return self.attribute(2, 0x00069005, bytes(more or Properties()))

    def object(self, properties):
        return self.attribute(2, 0x00069002, bytes(14)).attribute(2, 0x00069005, bytes(properties))

    def __bytes__(self):
        return self.octets


def global_id(data, date=bytes(4)):
    """A GlobalObjectId (MS-OXOCAL section 2.2.1.27)."""
    return (bytes.fromhex("040000008200e00074c5b7101a82e008") + date + bytes(16) +
            struct.pack("<I", len(data)) + data)
