"""A certificate that ends is told of when its day comes, not only when the daemon starts."""
import os
import subprocess
import tempfile
import time

from harness import Daemon

CA = """[ca]
default_ca = it
[it]
database = {d}/index
serial = {d}/serial
new_certs_dir = {d}
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
keyUsage = digitalSignature
subjectAltName = email:carol@example.org
"""


def key_that_ends(directory, seconds):
    """Carol's key as PEM, with a self-signed certificate for so many seconds from now."""
    until = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))
    with tempfile.TemporaryDirectory() as d:
        for name, content in (("index", ""), ("serial", "01\n"), ("ca.cnf", CA.format(d=d))):
            with open(f"{d}/{name}", "w", encoding="ascii") as f:
                f.write(content)
        for words in (f"req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {d}/key -subj /CN=carol -out {d}/csr",
                      f"ca -batch -notext -selfsign -keyfile {d}/key -in {d}/csr -out {d}/crt -config {d}/ca.cnf"
                      f" -enddate {until}"):
            subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
        path = os.path.join(directory, "carol.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as out:
            for name in ("key", "crt"):
                with open(f"{d}/{name}", encoding="ascii") as f:
                    out.write(f.read())


def test_a_key_that_ends_is_told_of_when_its_day_comes():
    with Daemon(start=False) as d:
        key_that_ends(os.path.join(d.directory, "keys"), 86400 + 8)
        d.own()
        d.start()
        d.logged(r"warning: .*CN=carol, serial 01: expires \d+-\d\d-\d\d; get a new certificate")
        d.logged(r"carol.pem: warning: carol@example\.org: the certificate of serial 01 expires on \S+, in 1 day, "
                 r"and there is no other; get a new certificate: smimectl cert import FILE")
        time.sleep(2.2)
        assert d.log().count("in 1 day") == 1, d.log()


def test_a_sender_whose_only_certificate_has_expired_is_named():
    with Daemon(start=False) as d:
        key_that_ends(os.path.join(d.directory, "keys"), 8)
        d.own()
        d.start()
        d.logged(r"carol.pem: error: carol@example\.org: the certificate of serial 01 has expired on \S+, and there "
                 r"is no other")
