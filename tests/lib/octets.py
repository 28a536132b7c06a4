"""Cuts messages into octets, by hand and not with a MIME library: what was
signed is a range of the message, and nothing may be changed on the way to the
one who checks it.  Knows just what well-formed messages need (RFC 5322 section
2.2, RFC 2046 section 5.1.1); anything else is an error."""
import base64
import re


def header_and_body(message):
    """The header with the line end of its last field, and the body."""
    if message.startswith(b"\r\n"):
        return b"", message[2:]
    header, separator, body = message.partition(b"\r\n\r\n")
    if not separator:
        raise ValueError("no blank line after the header")
    return header + b"\r\n", body


def fields(header):
    """The fields as they stand, each with its folds and its last CRLF."""
    found = re.findall(rb"[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", header)
    if b"".join(found) != header:
        raise ValueError("the header has bare CR or LF")
    return found


def name(field):
    return field.partition(b":")[0].rstrip(b" \t").lower().decode("latin-1")


def values(header, wanted):
    """The values of all fields of this name, unfolded, without blanks around."""
    return [re.sub(rb"\r\n(?=[ \t])", b"", f.partition(b":")[2]).strip().decode("utf-8", "surrogateescape")
            for f in fields(header) if name(f) == wanted.lower()]


def value(header, wanted):
    found = values(header, wanted)
    if len(found) != 1:
        raise ValueError(f"{len(found)} fields {wanted}")
    return found[0]


def parameter(content_type, wanted):
    """A parameter of a media type, without its quotes."""
    rest = content_type.partition(";")[2]
    for key, quoted, plain in re.findall(r'\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))\s*(?:;|$)', rest):
        if key.lower() == wanted:
            return re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
    return None


def media_type(message):
    header, _ = header_and_body(message)
    found = values(header, "Content-Type")
    return found[0].partition(";")[0].strip().lower() if found else "text/plain"


def parts(body, boundary):
    """The parts between the delimiter lines.  The line end before a delimiter
    belongs to the delimiter."""
    delimiter = re.compile(rb"(?:\A|\r\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?:\r\n|\Z)")
    found, begin = [], None
    at = 0
    while hit := delimiter.search(body, at):
        if begin is not None:
            found.append(body[begin:hit.start()])
        if hit.group(1):
            return found
        begin = hit.end()
        at = begin - 2  # its line end may also begin the next delimiter
    raise ValueError("no close delimiter")


class Signed:
    """A clear-signed (content and signature) or opaque (signature alone) message."""

    def __init__(self, message):
        header, body = header_and_body(message)
        content_type = value(header, "Content-Type")
        kind = content_type.partition(";")[0].strip().lower()
        self.micalg = parameter(content_type, "micalg")
        if kind == "multipart/signed":
            found = parts(body, parameter(content_type, "boundary"))
            if len(found) != 2:
                raise ValueError(f"{len(found)} parts in multipart/signed")
            self.form, self.content = "clear", found[0]
            part_header, encoded = header_and_body(found[1])
        elif kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            self.form, self.content = "opaque", None
            part_header, encoded = header, body
        else:
            raise ValueError(f"{kind} is not signed")
        if value(part_header, "Content-Transfer-Encoding").lower() != "base64":
            raise ValueError("the signature is not in base64")
        self.signature = base64.b64decode(b"".join(encoded.split()), validate=True)


def entity(message):
    """What a signature of the whole message covers: the Content-* fields in
    their order, a blank line, the body."""
    header, body = header_and_body(message)
    return b"".join(f for f in fields(header) if name(f).startswith("content-")) + b"\r\n" + body


def crlf(text):
    """Text of a test, written with plain newlines."""
    data = text.encode() if isinstance(text, str) else text
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
