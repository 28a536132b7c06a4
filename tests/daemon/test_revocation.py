"""CRLs and OCSP from real servers on loopback, through the daemon."""
import http.server
import os
import shutil
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import harness
from harness import Daemon, wait_for
from milter_client import MilterClient
from ports import free_port

RULES = "\n[rule in]\ndirection = incoming\nverify = yes\n"


class Lists(http.server.ThreadingHTTPServer):
    """An HTTP server whose every path is a way to answer: /good.crl, /slow..."""
    daemon_threads = True

    def __init__(self):
        self.files = {}
        self.asked = []
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, name):
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def close(self):
        self.stopping.set()
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        name = self.path[1:]
        self.server.asked.append(name)
        try:
            if name.startswith("slow"):
                self.server.stopping.wait(30)
            elif name.startswith("huge"):
                self.send_response(200)
                self.end_headers()
                while not self.server.stopping.is_set():
                    self.wfile.write(b"\x30" * 65536)
            elif name.startswith("inside"):
                self.send_response(302)
                self.send_header("Location", self.server.url("good").replace("127.0.0.1", "127.0.0.2"))
                self.end_headers()
            elif name.startswith("moved"):
                self.send_response(302)
                self.send_header("Location", self.server.url("good"))
                self.end_headers()
            elif name in self.server.files:
                self.send_response(200)
                self.send_header("Content-Type", "application/pkix-crl")
                self.end_headers()
                self.wfile.write(self.server.files[name])
            else:
                self.send_error(404)
        except ConnectionError:
            pass

    do_POST = do_GET


class Authority:
    """A CA of openssl's own, with its lists, and signers that name a place to ask."""

    def __init__(self):
        if not shutil.which("openssl"):
            raise harness.Skipped("no openssl")
        self.dir = tempfile.mkdtemp(prefix="smr-", dir="/tmp")
        self.lists = Lists()
        self.processes = []
        self.serial = 0
        with open(self.path("index"), "w", encoding="ascii"):
            pass
        with open(self.path("ca.cnf"), "w", encoding="ascii") as f:
            f.write(f"[ca]\ndefault_ca=c\n[c]\ndatabase={self.path('index')}\ncertificate={self.path('ca.pem')}\n"
                    f"private_key={self.path('ca.key')}\ndefault_md=sha256\nunique_subject=no\n"
                    f"new_certs_dir={self.dir}\nserial={self.path('serial')}\npolicy=p\n[p]\ncommonName=supplied\n")
        with open(self.path("serial"), "w", encoding="ascii") as f:
            f.write("1000\n")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.path("ca.key"), "-out",
                 self.path("ca.pem"), "-days", "30", "-subj", "/CN=Revocation CA",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
        self.run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", self.path("key"), "-out", self.path("csr"),
                 "-subj", "/CN=Bob")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        self.lists.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *arguments, **keywords):
        result = subprocess.run(["openssl", *arguments], capture_output=True, timeout=60, check=False, **keywords)
        assert result.returncode == 0, (arguments, result.stderr.decode())
        return result.stdout

    def message(self, crl=None, ocsp=None, revoked=False):
        """Signed by a new certificate that names these URLs."""
        self.serial += 1
        name = self.path(f"bob{self.serial}")
        with open(name + ".ext", "w", encoding="ascii") as f:
            f.write("basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n"
                    "subjectAltName=email:bob@partner.example\n")
            f.write(f"crlDistributionPoints=URI:{crl}\n" if crl else "")
            f.write(f"authorityInfoAccess=OCSP;URI:{ocsp}\n" if ocsp else "")
        self.run("ca", "-config", self.path("ca.cnf"), "-batch", "-notext", "-in", self.path("csr"), "-days", "20",
                 "-extfile", name + ".ext", "-out", name + ".pem")
        if revoked:
            self.run("ca", "-config", self.path("ca.cnf"), "-revoke", name + ".pem")
        with open(name + ".txt", "wb") as f:
            f.write(b"Content-Type: text/plain\r\n\r\nHello Alice.\r\n")
        signed = self.run("cms", "-sign", "-binary", "-in", name + ".txt", "-signer", name + ".pem", "-inkey",
                          self.path("key"), "-md", "sha256", "-crlfeol")
        signed = signed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return (b"From: Bob <bob@partner.example>\r\nTo: alice@example.org\r\nSubject: hello\r\n"
                b"Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <r@partner.example>\r\n" + signed)

    def publish(self, name="good", *options):
        out = self.path("list")
        self.run("ca", "-config", self.path("ca.cnf"), "-gencrl", "-out", out, *(options or ("-crldays", "3")))
        self.lists.files[name] = self.run("crl", "-in", out, "-outform", "DER")

    def said(self):
        with open(self.path("ocsp.log"), encoding="utf-8") as f:
            return f.read()

    def responder(self, port, *options):
        """`openssl ocsp`; what it knows is the index of now."""
        with open(self.path("ocsp.log"), "wb") as log:
            process = subprocess.Popen(
                ["openssl", "ocsp", "-port", str(port), "-index", self.path("index"), "-CA", self.path("ca.pem"),
                 "-rsigner", self.path("ca.pem"), "-rkey", self.path("ca.key"), "-nmin", "5", *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        self.processes.append(process)
        wait_for(lambda: "waiting for" in self.said() or process.poll() is not None, "openssl ocsp")
        assert process.poll() is None
        return process

    def daemon(self, networks="127.0.0.1", **keys):
        d = Daemon(rules=RULES, start=False)
        shutil.copy(self.path("ca.pem"), os.path.join(d.directory, "trust", "revocation-ca.pem"))
        d.material += "".join(f"{k} = {v}\n" for k, v in keys.items())
        d.material += f"revocation_networks = {networks}\n" if networks else ""
        d.configure(RULES)
        d.own()
        try:
            return d.start()
        except BaseException:
            d.clean()
            raise


def verdict(d, wire):
    """The value of Authentication-Results, and the seconds it took."""
    with MilterClient(d.socket).negotiate() as c:
        c.connect(address="203.0.113.9")
        began = time.monotonic()
        result = c.message(wire, sender="<bob@partner.example>", recipients=("<alice@example.org>",))
        took = time.monotonic() - began
        assert result.code in "ac", result
        return result.inserted("Authentication-Results")[0], took


def test_ocsp_responder_is_asked_and_believed():
    with Authority() as ca:
        port = free_port()
        url = f"http://127.0.0.1:{port}/"
        good, bad = ca.message(ocsp=url), ca.message(ocsp=url, revoked=True)
        with open(ca.path("index"), encoding="ascii") as f:
            known = f.read()
        stranger = ca.message(ocsp=url)  # the index of the responder lacks it
        with open(ca.path("index"), "w", encoding="ascii") as f:
            f.write(known)
        process = ca.responder(port)
        with ca.daemon(ocsp="on", revocation_fail="hard") as d:
            said = verdict(d, good)[0]
            assert "smime=pass" in said, (said, ca.said(), d.log())
            said = verdict(d, bad)[0]
            assert "smime=pass" not in said and "revoked" in said, said
            said = verdict(d, stranger)[0]
            assert "smime=temperror" in said, said
            # The answer is kept: nobody has to be there the second time.
            process.kill()
            process.wait()
            assert "smime=pass" in verdict(d, good)[0]


def test_dead_responder_is_soft_or_hard_as_configured():
    with Authority() as ca:
        wire = ca.message(ocsp=f"http://127.0.0.1:{free_port()}/")
        with ca.daemon(ocsp="on") as d:
            assert "smime=pass" in verdict(d, wire)[0]
        with ca.daemon(ocsp="on", revocation_fail="hard") as d:
            assert "smime=temperror" in verdict(d, wire)[0]


def test_lists_are_fetched_and_decide():
    with Authority() as ca:
        good, bad = ca.message(crl=ca.lists.url("good")), ca.message(crl=ca.lists.url("good"), revoked=True)
        moved = ca.message(crl=ca.lists.url("moved"))
        old = ca.message(crl=ca.lists.url("old"))
        ca.publish()
        ca.publish("old", "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
        with ca.daemon(crl="fetch", revocation_fail="hard") as d:
            for wire in (good, moved):
                assert "smime=pass" in verdict(d, wire)[0]
            said = verdict(d, bad)[0]
            assert "smime=pass" not in said and "revoked" in said, said
            said = verdict(d, old)[0]
            assert "smime=temperror" in said, said
            assert ca.lists.asked.count("good") == 2, ca.lists.asked  # once by name, once redirected


def test_bad_servers_make_a_status_unknown_within_the_budget():
    with Authority() as ca:
        wires = {name: ca.message(crl=ca.lists.url(name)) for name in ("slow", "huge", "inside", "absent")}
        ca.publish()
        with ca.daemon(crl="fetch", revocation_fail="hard", revocation_timeout="2",
                       revocation_max_size="1M") as d:
            for name, wire in wires.items():
                said, took = verdict(d, wire)
                assert "smime=temperror" in said, (name, said)
                assert took < 10, (name, took)
        assert "good" not in ca.lists.asked, ca.lists.asked
        with ca.daemon(crl="fetch", revocation_timeout="2") as d:
            assert "smime=pass" in verdict(d, wires["slow"])[0]


def test_private_addresses_are_not_asked():
    with Authority() as ca:
        wire = ca.message(crl=ca.lists.url("good"), ocsp=ca.lists.url("ocsp"))
        ca.publish()
        with ca.daemon(networks="", crl="fetch", ocsp="on", revocation_fail="hard") as d:
            assert "smime=temperror" in verdict(d, wire)[0]
        assert not ca.lists.asked, ca.lists.asked


def test_slow_server_holds_many_connections_no_longer_than_one():
    with Authority() as ca:
        slow = [ca.message(crl=ca.lists.url(f"slow{n}")) for n in range(6)]
        good = ca.message(crl=ca.lists.url("good"))
        ca.publish()
        with ca.daemon(crl="fetch", revocation_timeout="2") as d, ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda wire: verdict(d, wire), slow + slow))
            assert all("smime=pass" in said for said, _ in answers), answers
            assert max(took for _, took in answers) < 25, answers
            d.settled()
            wait_for(lambda: "smime=pass" in verdict(d, good)[0], "the next message")
