"""Servers that are not what they should be: silent, gone, or telling stories.

    with Silent() as hole:       accepts, reads, and never answers; TCP and UDP
    with Liar(story) as liar:    speaks just enough LDAP to lie: a function from the
                                 number of the request to the octets of the answer"""
import socket
import threading


class Silent:
    def __init__(self):
        self.stopping = threading.Event()
        self.accepted = []
        for _ in range(20):  # one number for both
            self.tcp = socket.socket()
            self.tcp.bind(("127.0.0.1", 0))
            self.port = self.tcp.getsockname()[1]
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.udp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.tcp.close()
                self.udp.close()
        self.tcp.listen(50)
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.tcp.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for s in (self.tcp, self.udp, *self.accepted):
            s.close()

    def serve(self):
        while not self.stopping.is_set():
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            self.accepted.append(client)
            self.welcome(client)

    def welcome(self, client):
        """Not a word."""


# --- LDAP (RFC 4511 section 5.1: BER with definite lengths) ---

def ber(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def integer(value):
    return ber(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def entry(number, dn, attributes):
    """attributes: pairs of a description and octets."""
    listed = [ber(0x30, ber(0x04, name.encode()), ber(0x31, *(ber(0x04, value) for value in values)))
              for name, values in attributes]
    return ber(0x30, integer(number), ber(0x64, ber(0x04, dn.encode()), ber(0x30, *listed)))


def done(number, code=0):
    return ber(0x30, integer(number), ber(0x65, ber(0x0a, bytes([code])), ber(0x04), ber(0x04)))


class Liar(Silent):
    def __init__(self, story):
        super().__init__()
        self.story = story

    def welcome(self, client):
        threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        buffer = b""
        try:
            while True:
                more = client.recv(65536)
                if not more:
                    return
                buffer += more
                while len(buffer) >= 2:
                    size, at = buffer[1], 2
                    if size & 0x80:
                        at = 2 + (size & 0x7f)
                        size = int.from_bytes(buffer[2:at], "big")
                    if len(buffer) < at + size:
                        break
                    message, buffer = buffer[at:at + size], buffer[at + size:]
                    number = int.from_bytes(message[2:2 + message[1]], "big")
                    if message[2 + message[1]] != 0x63:  # SearchRequest
                        continue
                    for octets in self.story(number):
                        client.sendall(octets)
        except OSError:
            return
