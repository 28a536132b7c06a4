"""The MTA's side of the milter protocol (version 6), as Postfix speaks it.

Only what a test needs: frames, negotiation, one method a step, and the edits
that come back at end-of-message.  Nothing is hidden, so that tests can also do
what no MTA does.
"""
import socket
import struct

ACTIONS_ALL = 0x1FF
PROTOCOL_ALL = 0x1FFFFF

ADDHDRS, CHGBODY, ADDRCPT, DELRCPT, CHGHDRS, QUARANTINE, CHGFROM = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40
SETSYMLIST = 0x100

NOHELO, NR_HDR, NOUNKNOWN, NODATA, SKIP = 0x2, 0x80, 0x100, 0x200, 0x400
NR_CONN, NR_HELO, NR_MAIL, NR_RCPT, NR_DATA, NR_EOH, NR_BODY = (
    0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x40000, 0x80000)
HDR_LEADSPC = 0x100000

CHUNK = 65535
FINAL = b"adrtyfs4"  # replies that end a step, "c" aside


class Gone(Exception):
    """The milter closed the connection."""


class Reply:
    """The answer to a step: a letter ("c", "a", "t", "y"...) and its text."""

    def __init__(self, code, text=b""):
        self.code = code
        self.text = text.rstrip(b"\0").decode("latin-1")

    def __repr__(self):
        return f"{self.code}:{self.text}" if self.text else self.code


class Result:
    """What became of a message: the stage that decided, the reply, the edits."""

    def __init__(self, stage, reply, edits=(), body=None):
        self.stage, self.reply, self.edits, self.body = stage, reply, list(edits), body

    @property
    def code(self):
        return self.reply.code

    def inserted(self, name):
        return [e[3] for e in self.edits if e[0] in "ih" and e[2].lower() == name.lower()]

    def __repr__(self):
        return f"Result({self.stage}, {self.reply!r}, {self.edits!r})"


class MilterClient:
    def __init__(self, address, timeout=30):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.buffer = b""
        self.protocol = 0
        self.actions = 0
        self.symbols = {}
        self.macros = {}

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- frames ---

    def send(self, command, data=b""):
        self.socket.sendall(struct.pack("!I", len(data) + 1) + command.encode("latin-1") + data)

    def receive(self):
        head = self._exactly(4)
        frame = self._exactly(struct.unpack("!I", head)[0])
        return frame[:1].decode("latin-1"), frame[1:]

    def _exactly(self, n):
        while len(self.buffer) < n:
            try:
                more = self.socket.recv(1 << 20)
            except ConnectionError as e:
                raise Gone() from e
            if not more:
                raise Gone()
            self.buffer += more
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def silence(self, seconds):
        """True when nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            return not self.buffer and not self.socket.recv(1, socket.MSG_PEEK)
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(30)

    # --- steps ---

    def negotiate(self, actions=ACTIONS_ALL, protocol=PROTOCOL_ALL, version=6):
        self.offered = (actions, protocol)
        self.send("O", struct.pack("!III", version, actions, protocol))
        code, data = self.receive()
        assert code == "O", code
        self.version, self.actions, self.protocol = struct.unpack("!III", data[:12])
        rest = data[12:]
        while rest:
            stage = struct.unpack("!I", rest[:4])[0]
            names, _, rest = rest[4:].partition(b"\0")
            self.symbols[stage] = names.decode()
        return self

    def macro(self, command, **values):
        self.macro_list(command, values)

    def macro_list(self, command, values):
        data = command.encode()
        for name, value in values.items():
            data += name.encode() + b"\0" + value.encode("latin-1") + b"\0"
        self.send("D", data)

    def step(self, command, data=b"", silent=0):
        """Sends a command and waits for the answer, unless none was agreed on."""
        self.send(command, data)
        if silent and self.protocol & silent:
            return Reply("c")
        return self.answer()

    def answer(self, edits=None):
        while True:
            code, data = self.receive()
            if code == "p":
                continue
            if code.encode() in FINAL or code == "c":
                return Reply(code, data)
            if edits is None:
                raise AssertionError(f"an edit ({code}) outside of end-of-message")
            edits.append((code, data))

    def connect(self, host="client.example", address="192.0.2.1", family="4", macros=None):
        values = {"j": "mx.example.org", "{daemon_name}": "mx.example.org", "v": "Postfix"}
        self.macro_list("C", values if macros is None else macros)
        if family == "U":
            data = host.encode() + b"\0U"
        else:
            data = host.encode() + b"\0" + family.encode() + struct.pack("!H", 4711) + address.encode() + b"\0"
        return self.step("C", data, NR_CONN)

    def mail(self, sender="<sender@example.net>", login=None, macros=None, args=()):
        values = dict(macros or {})
        if login:
            values.update({"{auth_type}": "PLAIN", "{auth_authen}": login})
        self.macro_list("M", values)
        data = b"".join(a.encode("latin-1") + b"\0" for a in (sender,) + tuple(args))
        return self.step("M", data, NR_MAIL)

    def rcpt(self, recipient="<rcpt@example.org>"):
        return self.step("R", recipient.encode("latin-1") + b"\0", NR_RCPT)

    def header(self, name, value):
        """`value` as on the wire behind the colon, folded with LF."""
        value = as_bytes(value)
        if not self.protocol & HDR_LEADSPC and value.startswith(b" "):
            value = value[1:]
        return self.step("L", as_bytes(name) + b"\0" + value + b"\0", NR_HDR)

    def end_of_header(self, queue_id="4TestId"):
        self.macro("N", i=queue_id)
        return self.step("N")

    def body(self, octets, chunk=CHUNK):
        reply = Reply("c")
        for at in range(0, len(octets), chunk):
            reply = self.step("B", octets[at:at + chunk], NR_BODY)
            if reply.code != "c":
                break
        return reply

    def end_of_message(self, queue_id="4TestId"):
        self.macro("E", i=queue_id)
        self.send("E")
        raw = []
        reply = self.answer(raw)
        return self._result(reply, raw)

    def _result(self, reply, raw):
        edits, body, run_ended = [], None, False
        for code, data in raw:
            if code == "b":
                # What Postfix calls "body replacement requests can't be mixed".
                assert not run_ended, "the run of body pieces was interrupted"
                body = (body or b"") + data
                continue
            run_ended = body is not None
            if code == "m":
                index = struct.unpack("!I", data[:4])[0]
                name, value = data[4:].split(b"\0")[:2]
                edits.append(("m", index, name.decode(), value.decode("latin-1")))
            elif code == "i":
                index = struct.unpack("!I", data[:4])[0]
                name, value = data[4:].split(b"\0")[:2]
                edits.append(("i", index, name.decode(), value.decode("latin-1")))
            elif code == "h":
                name, value = data.split(b"\0")[:2]
                edits.append(("h", 0, name.decode(), value.decode("latin-1")))
            else:
                edits.append((code, 0, data.rstrip(b"\0").decode("latin-1"), ""))
        return Result("eom", reply, edits, body)

    def abort(self):
        self.send("A")

    def quit(self):
        self.send("Q")

    # --- a whole message ---

    def message(self, wire, sender="<sender@example.net>", recipients=("<rcpt@example.org>",), login=None,
                chunk=CHUNK, queue_id="4TestId"):
        """`wire`: the message with CRLF line ends."""
        fields, body = split(wire)
        self.mail(sender, login)
        for recipient in recipients:
            self.rcpt(recipient)
        for name, value in fields:
            self.header(name, value)
        reply = self.end_of_header(queue_id)
        if reply.code != "c":
            return Result("eoh", reply)
        self.body(body, chunk)
        return self.end_of_message(queue_id)


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")


def split(wire):
    """Header fields as (name, value folded with LF) and the body."""
    head, _, body = wire.partition(b"\r\n\r\n")
    fields = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1] += b"\n" + line
        elif line:
            name, _, value = line.partition(b":")
            fields.append([name, value])
    return [(n, v) for n, v in fields], body


def after(wire, result):
    """The message as the MTA would queue it: the edits applied, Postfix's way."""
    fields, body = split(wire)
    fields = [[as_bytes(n), as_bytes(v)] for n, v in fields]
    for code, index, name, value in result.edits:
        name, value = as_bytes(name), as_bytes(value)
        if code == "i":
            fields.insert(index, [name, value])
        elif code == "h":
            fields.append([name, value])
        elif code == "m":
            same = [f for f in fields if f[0].lower() == name.lower()]
            if index > len(same):
                if value:
                    fields.append([name, value])
            elif value:
                same[index - 1][:] = [name, value]
            else:
                fields.remove(same[index - 1])
    head = b"".join(n + b":" + v.replace(b"\n", b"\r\n") + b"\r\n" for n, v in fields)
    return head + b"\r\n" + (body if result.body is None else result.body)
