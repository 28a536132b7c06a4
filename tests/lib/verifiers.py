"""Those who judge a signature independently of us: openssl cms, NSS cmsutil and
gpgsm.  Each takes an octets.Signed and the CA's certificate (PEM), and returns
the content it has verified or raises Refuses."""
import os
import re
import shutil
import subprocess
import tempfile

PATIENCE = 60


class Refuses(Exception):
    pass


class Scratch:
    """A directory with the signature and the content, gone afterwards."""

    def __init__(self, signed):
        self.signed = signed

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="sm-verify-")
        self.signature = self.write("signature.der", self.signed.signature)
        self.content = None if self.signed.content is None else self.write("content", self.signed.content)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, octets):
        with open(self.path(name), "wb") as f:
            f.write(octets)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()


def run(words, environment=None):
    return subprocess.run(words, capture_output=True, timeout=PATIENCE, env=environment, check=False,
                          stdin=subprocess.DEVNULL)


def must(words, environment=None):
    done = run(words, environment)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}: {(done.stdout + done.stderr).decode('utf-8', 'replace')}")
    return done


def write(path, octets):
    with open(path, "wb") as f:
        f.write(octets)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def openssl_decrypt(key, der, work):
    """The content of EnvelopedData and AuthEnvelopedData, for the key in a PEM file."""
    source, out = os.path.join(work, "openssl.der"), os.path.join(work, "openssl.out")
    write(source, der)
    done = run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", source, "-recip", key, "-inkey", key,
                "-out", out])
    if done.returncode != 0:
        raise Refuses(f"openssl cms: {done.stderr.decode('utf-8', 'replace')}")
    return read(out)


def openssl_encrypt(certificate, content, work, *options):
    """DER; `options` such as -aes-256-gcm."""
    source, out = os.path.join(work, "openssl.in"), os.path.join(work, "openssl.der")
    write(source, content)
    must(["openssl", "cms", "-encrypt", "-binary", "-in", source, "-outform", "DER", "-out", out, *options, certificate])
    return read(out)


def openssl(anchor, signed, address=None, trusted=True):
    """-binary: not one octet is made canonical on the way.  Without `trusted` the
    signatures are looked at and not the certificates."""
    with Scratch(signed) as scratch:
        words = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", scratch.signature, "-CAfile", anchor,
                 "-purpose", "smimesign", "-out", scratch.path("out")]
        if scratch.content:
            words += ["-content", scratch.content]
        if not trusted:
            words += ["-noverify"]
        if address:
            words += ["-signer", scratch.path("signer.pem")]
        done = run(words)
        if done.returncode != 0:
            raise Refuses(f"openssl cms: {done.stderr.decode('utf-8', 'replace')}")
        if address:
            emails = must(["openssl", "x509", "-in", scratch.path("signer.pem"), "-noout", "-email"]).stdout.decode().split()
            if address not in emails:
                raise Refuses(f"openssl cms: signed by {emails}, not by {address}")
        return scratch.read("out")


class Nss:
    """cmsutil of libnss3-tools, the engine of Thunderbird."""

    def __init__(self, anchor):
        self.directory = tempfile.mkdtemp(prefix="sm-nss-")
        self.database = "sql:" + self.directory
        must(["certutil", "-N", "-d", self.database, "--empty-password"])
        must(["certutil", "-A", "-d", self.database, "-n", "anchor", "-t", ",C,", "-i", anchor])

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def add_key(self, pfx, password_file):
        must(["pk12util", "-i", pfx, "-d", self.database, "-w", password_file, "-K", ""])

    def nickname(self, address):
        """What NSS calls the certificate of this address."""
        listing = must(["certutil", "-L", "-d", self.database]).stdout.decode().splitlines()
        found = [line.rsplit(None, 1)[0].strip() for line in listing if address in line]
        if len(found) != 1:
            raise RuntimeError(f"nicknames for {address} in {listing}")
        return found[0]

    def sign(self, address, content, out, digest, detached):
        must(["cmsutil", "-S", "-d", self.database, "-N", self.nickname(address), "-H", digest.upper(), "-G", "-i", content,
              "-o", out] + (["-T"] if detached else []))

    def decrypt(self, der, work):
        """The content of EnvelopedData, for a key that was added."""
        source, out = os.path.join(work, "nss.der"), os.path.join(work, "nss.out")
        write(source, der)
        done = run(["cmsutil", "-D", "-d", self.database, "-i", source, "-o", out])
        if done.returncode != 0:
            raise Refuses(f"cmsutil: {done.stderr.decode('utf-8', 'replace')}")
        return read(out)

    def encrypt(self, content, address, work):
        """DER of EnvelopedData."""
        source, out = os.path.join(work, "nss.in"), os.path.join(work, "nss.der")
        write(source, content)
        must(["cmsutil", "-E", "-d", self.database, "-r", self.nickname(address), "-i", source, "-o", out])
        return read(out)

    def __call__(self, signed):
        with Scratch(signed) as scratch:
            words = ["cmsutil", "-D", "-d", self.database, "-i", scratch.signature, "-u", "4"]  # 4: e-mail signer
            if scratch.content:
                words += ["-c", scratch.content]
            # With -h the exit status says nothing, without it there is no verdict
            # on each signer: both are asked.
            done = run(words + ["-o", scratch.path("out")])
            if done.returncode != 0:
                raise Refuses(f"cmsutil: {done.stderr.decode('utf-8', 'replace')}")
            verdict = run(words + ["-h", "0", "-n"]).stdout.decode("utf-8", "replace")
            states = re.findall(r"\.status=(\w+)", verdict)
            if not states or set(states) != {"GoodSignature"}:
                raise Refuses(f"cmsutil: {verdict}")
            return scratch.read("out")


class Gpgsm:
    """GnuPG's S/MIME half with a home of its own."""

    def __init__(self, anchor):
        self.home = tempfile.mkdtemp(prefix="sm-gpg-")
        os.chmod(self.home, 0o700)
        self.environment = dict(os.environ, GNUPGHOME=self.home, LC_ALL="C")
        fingerprint = must(["openssl", "x509", "-in", anchor, "-noout", "-fingerprint", "-sha1"]).stdout.decode()
        self.write("trustlist.txt", fingerprint.strip().partition("=")[2] + " S relax\n")
        self.write("gpgsm.conf", "disable-crl-checks\ndisable-dirmngr\n")
        self.write("gpg-agent.conf", "allow-loopback-pinentry\n")
        must(["gpgsm", "--batch", "-q", "--import", anchor], self.environment)

    def close(self):
        run(["gpgconf", "--homedir", self.home, "--kill", "all"])
        shutil.rmtree(self.home, ignore_errors=True)

    def write(self, name, text):
        with open(os.path.join(self.home, name), "w", encoding="ascii") as f:
            f.write(text)

    def add_key(self, pfx, password_file):
        """It reads the PFX files of the old days only, and writes one without
        a password into its own store."""
        with tempfile.TemporaryDirectory(prefix="sm-pfx-") as directory:
            pem, old = os.path.join(directory, "key.pem"), os.path.join(directory, "key.p12")
            must(["openssl", "pkcs12", "-in", pfx, "-passin", "file:" + password_file, "-nodes", "-out", pem])
            # Now and then it does not make out a sound file: another salt, another chance.
            for attempt in range(5):
                must(["openssl", "pkcs12", "-export", "-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES",
                      "-macalg", "sha1", "-in", pem, "-out", old, "-passout", "pass:"])
                done = subprocess.run(["gpgsm", "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--import", old],
                                      input=b"\n\n", capture_output=True, env=self.environment, timeout=PATIENCE, check=False)
                if done.returncode == 0:
                    return
            raise RuntimeError(f"gpgsm --import: {done.stderr.decode('utf-8', 'replace')}")

    def sign(self, address, content, out, digest, detached):
        must(["gpgsm", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--digest-algo", digest,
              "-u", address, "--output", out, "--detach-sign" if detached else "--sign", content], self.environment)

    def decrypt(self, der, work):
        """The content of EnvelopedData, for a key that was added."""
        source, out = os.path.join(work, "gpgsm.der"), os.path.join(work, "gpgsm.out")
        write(source, der)
        done = run(["gpgsm", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--output", out,
                    "--decrypt", source], self.environment)
        if done.returncode != 0:
            raise Refuses(f"gpgsm: {done.stderr.decode('utf-8', 'replace')}")
        return read(out)

    def encrypt(self, content, certificate, work):
        """DER of EnvelopedData.  It has seen others with the same address, so the
        certificate is named by its fingerprint."""
        source, out = os.path.join(work, "gpgsm.in"), os.path.join(work, "gpgsm.der")
        write(source, content)
        print_ = must(["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha1"]).stdout.decode()
        must(["gpgsm", "--batch", "--yes", "-r", print_.strip().partition("=")[2].replace(":", ""), "--output", out, "--encrypt", source], self.environment)
        return read(out)

    def __call__(self, signed):
        with Scratch(signed) as scratch:
            words = ["gpgsm", "--batch", "--status-fd", "1"]
            if scratch.content:
                words += ["--verify", scratch.signature, scratch.content]
            else:
                words += ["--output", scratch.path("out"), "--verify", scratch.signature]
            done = run(words, self.environment)
            status = done.stdout.decode("utf-8", "replace")
            # GOODSIG also stands there for signers that nobody trusts.
            if done.returncode != 0 or "TRUST_FULLY" not in status or "BADSIG" in status:
                raise Refuses(f"gpgsm: exit {done.returncode} {status}{done.stderr.decode('utf-8', 'replace')}")
            return scratch.signed.content if scratch.content else scratch.read("out")


def missing():
    """Which of the programs are not there, as (program, package)."""
    return [(program, package) for program, package in (("openssl", "openssl"), ("cmsutil", "libnss3-tools"),
                                                        ("certutil", "libnss3-tools"), ("gpgsm", "gpgsm"),
                                                        ("gpg-agent", "gpg-agent"))
            if shutil.which(program) is None]
