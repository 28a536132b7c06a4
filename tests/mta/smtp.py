"""An SMTP client and an SMTP sink that keep every octet.

The client sends what it is given, with dots stuffed and nothing else done.
The sink keeps what comes after DATA, with dots unstuffed and nothing else
done.  Line ends stay as they are on both sides (RFC 5321 section 4.5.2)."""
import base64
import re
import socket
import socketserver
import ssl
import threading
import time

PATIENCE = 60


class Refused(Exception):
    """A reply of 4xx or 5xx; `code` and `text` say which."""

    def __init__(self, command, code, text):
        super().__init__(f"{command}: {text}")
        self.code, self.text = code, text


class Client:
    """One connection.  `login` is (name, password): AUTH PLAIN.  `certificate` is
    (certificate file, key file): STARTTLS with it."""

    def __init__(self, port, login=None, helo="client.example.net", timeout=PATIENCE, certificate=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.socket.makefile("rb")
        try:
            self.reply("connect")
            self.command("EHLO " + helo)
            if certificate:
                self.start_tls(certificate)
                self.command("EHLO " + helo)
            if login:
                token = base64.b64encode(f"\0{login[0]}\0{login[1]}".encode()).decode()
                self.command("AUTH PLAIN " + token)
        except BaseException:
            self.close()
            raise

    def start_tls(self, certificate):
        self.command("STARTTLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the server is not what is tested
        context.load_cert_chain(*certificate)
        self.file.close()
        self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()  # it holds the connection open as well
        self.socket.close()

    def reply(self, command):
        lines = []
        while True:
            line = self.file.readline(65536)
            if not line:
                raise ConnectionError(f"{command}: the server closed the connection")
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if line[3:4] != b"-":
                break
        text, code = " | ".join(lines), int(lines[-1][:3])
        if code >= 400:
            raise Refused(command, code, text)
        return text

    def command(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.reply(text)

    def envelope(self, mail_from, recipients, parameters=""):
        self.command(f"MAIL FROM:<{mail_from}>{parameters}")
        for recipient in recipients:
            self.command(f"RCPT TO:<{recipient}>")
        self.command("DATA")

    def data(self, octets):
        """A part of the message, dots stuffed by the caller."""
        self.socket.sendall(octets)

    def end(self):
        """The reply to the final dot."""
        self.socket.sendall(b".\r\n")
        return self.reply("end of DATA")

    def send(self, mail_from, recipients, message, parameters=""):
        """The reply; its queue id is queue_id(reply).  `parameters` of MAIL
        begin with a blank."""
        self.envelope(mail_from, recipients, parameters)
        self.data(stuffed(message))
        return self.end()


def stuffed(message):
    if not message.endswith(b"\r\n"):
        raise ValueError("DATA cannot express a message without a line end at its end")
    return re.sub(rb"(\A|\r\n)\.", rb"\1..", message)


def queue_id(reply):
    """As Postfix and as Sendmail tell it."""
    found = re.search(r"queued as (\S+)|(\S+) Message accepted for delivery", reply)
    if not found:
        raise ValueError(f"no queue id in: {reply}")
    return found.group(1) or found.group(2)


class Delivery:
    def __init__(self, mail_from, recipients, message):
        self.mail_from, self.recipients, self.message = mail_from, recipients, message


class Sink:
    """Takes every message on a port of its own: `.port`.  Without `eightbit` it
    does not offer 8BITMIME, as the hosts do before which MTAs convert mail.  What
    has `refused` in it gets 554, unless it is a report (from the null sender)."""

    def __init__(self, eightbit=True):
        self.eightbit = eightbit
        self.deliveries = []
        self.refused = None
        self.changed = threading.Condition()
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = PATIENCE * 5

            def handle(self):
                sink.converse(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # a client that has gone; what it did not finish is not kept

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def converse(self, handler):
        def say(text):
            handler.wfile.write(text.encode() + b"\r\n")

        say("220 sink.example.net ESMTP")
        mail_from, recipients = None, []
        while line := handler.rfile.readline(65536):
            command = line.decode("latin-1").strip()
            verb = command.upper()
            if verb.startswith("EHLO"):
                say("250-sink.example.net")
                if self.eightbit:
                    say("250-8BITMIME")
                say("250 PIPELINING")
            elif verb.startswith("MAIL FROM:"):
                mail_from, recipients = command[10:].split()[0].strip("<>"), []
                say("250 2.1.0 ok")
            elif verb.startswith("RCPT TO:"):
                recipients.append(command[8:].split()[0].strip("<>"))
                say("250 2.1.5 ok")
            elif verb == "DATA":
                say("354 go ahead")
                lines = []
                while (line := handler.rfile.readline()) != b".\r\n":
                    if not line:
                        return
                    lines.append(line[1:] if line.startswith(b".") else line)
                message = b"".join(lines)
                if self.refused and self.refused in message and mail_from:
                    say("554 5.4.6 too many hops")
                    continue
                with self.changed:
                    self.deliveries.append(Delivery(mail_from, recipients, message))
                    self.changed.notify_all()
                say("250 2.0.0 kept")
            elif verb == "QUIT":
                say("221 2.0.0 bye")
                return
            elif verb in ("RSET", "NOOP") or verb.startswith("HELO"):
                say("250 2.0.0 ok")
            else:
                say("500 5.5.2 what?")

    def found(self, mark, recipient=None):
        """What was delivered so far with this text in it (for this recipient)."""
        with self.changed:
            return [d for d in self.deliveries
                    if mark in d.message and (recipient is None or recipient in d.recipients)]

    def wait(self, mark, recipient=None, seconds=PATIENCE):
        end = time.monotonic() + seconds
        with self.changed:
            while not (found := self.found(mark, recipient)):
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{mark!r} was not delivered within {seconds} s")
                self.changed.wait(left)
        return found[0]
