"""TLS for a private Postfix, and certificates of its clients."""
import os
import subprocess


class Certificates:
    """Each is (certificate, key).  Postfix trusts `authority` only."""

    def __init__(self, directory):
        self.directory = directory
        os.mkdir(directory, 0o755)
        self.configuration = os.path.join(directory, "openssl.cnf")
        with open(self.configuration, "w", encoding="utf-8") as f:
            f.write("[req]\ndistinguished_name = dn\n[dn]\n")
        self.server = self.issue("server", "mail.example.org")
        self.authority = self.issue("authority", "Clients CA", extensions=("basicConstraints=critical,CA:TRUE",))
        self.listed = self.issue("listed", "app.example.org", self.authority)
        self.unlisted = self.issue("unlisted", "other.example.org", self.authority)
        self.forged = self.issue("forged", "app.example.org")  # by nobody

    def issue(self, name, subject, issuer=None, extensions=()):
        made = tuple(os.path.join(self.directory, name + suffix) for suffix in (".crt", ".key"))
        words = ["openssl", "req", "-config", self.configuration, "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + subject, "-out", made[0],
                 "-keyout", made[1]]
        if issuer:
            words += ["-CA", issuer[0], "-CAkey", issuer[1], "-addext", "basicConstraints=critical,CA:FALSE"]
        for extension in extensions:
            words += ["-addext", extension]
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        return made

    def main_cf(self):
        return (f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {self.server[0]}\n"
                f"smtpd_tls_key_file = {self.server[1]}\nsmtpd_tls_CAfile = {self.authority[0]}\n"
                "smtpd_tls_ask_ccert = yes\nsmtpd_tls_session_cache_database =\n")
