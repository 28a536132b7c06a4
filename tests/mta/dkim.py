"""OpenDKIM as a signer and as a verifier for example.org.  Its key and its "DNS" are
files below a directory that has to lie where the MTA can reach the sockets in it."""
import base64
import os
import subprocess

import suite
import verifiers
from gateway import wait_for
from private_postfix import die_with_parent

COMMON = "Syslog no\nUMask 000\nBackground no\nRequireSafeKeys no\n"


class Dkim:
    def __init__(self, directory):
        self.directory, self.processes = directory, []
        os.mkdir(directory, 0o755)
        self.signer, self.verifier = self.path("sign.sock"), self.path("verify.sock")
        key = self.path("dkim.pem")
        verifiers.must(["openssl", "genrsa", "-out", key, "2048"])
        os.chmod(key, 0o600)
        public = verifiers.must(["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"]).stdout
        self.write("dns", f"s1._domainkey.example.org v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}\n")
        self.write("sign.conf", COMMON + "Mode s\nDomain example.org\nSelector s1\nCanonicalization relaxed/simple\n"
                   f"KeyFile {key}\nInternalHosts 127.0.0.1\nSocket local:{self.signer}\n")
        self.write("verify.conf", COMMON + f"Mode v\nTestDNSData {self.path('dns')}\nInternalHosts 192.0.2.1\n"
                   f"AuthservID mx.example.org\nAlwaysAddARHeader yes\nSocket local:{self.verifier}\n")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def start(self):
        environment = dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C")
        for conf in ("sign.conf", "verify.conf"):
            with open(self.path("log"), "ab") as log:
                self.processes.append(subprocess.Popen(["opendkim", "-f", "-x", self.path(conf)], stdin=subprocess.DEVNULL,
                                                       stdout=log, stderr=log, env=environment, preexec_fn=die_with_parent))
        for socket in (self.signer, self.verifier):
            wait_for(lambda s=socket: suite.listening(s), f"{socket}; OpenDKIM says\n{self.said()}", 20)
            os.chmod(socket, 0o777)

    def said(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-2000:]

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []
