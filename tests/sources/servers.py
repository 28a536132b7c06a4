"""Real servers that nobody else notices: own directories, loopback only, ports that
were free a moment ago, processes that end with us.  The machine's own slapd, named
and PostgreSQL, their files and their accounts are not read, written or started.

    with Slapd(directory, tls) as ldap:            ldap.uri, ldap.tls_uri, ldap.local_uri
    with Names(directory) as names:                names.port, names.anchor
    with Postgres(directory, tls) as database:     database.port, database.socket

Each program is started from a copy in its directory: AppArmor's profiles, which Debian
has for /usr/sbin/slapd and /usr/sbin/named, know only the directories of the
machine's own."""
import base64
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import time

from ports import free_port, free_ports
from private_postfix import die_with_parent

PATIENCE = 60
PACKAGES = {"/usr/sbin/slapd": "slapd", "/usr/bin/ldapmodify": "ldap-utils", "/usr/sbin/named": "bind9",
            "/usr/bin/nsupdate": "bind9-dnsutils", "/usr/bin/dnssec-signzone": "bind9-utils",
            "/usr/lib/postgresql/15/bin/postgres": "postgresql-15", "/usr/bin/openssl": "openssl"}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "LDAPNOINIT": "1", "HOME": "/nonexistent"}


class ServerProblem(Exception):
    pass


def missing():
    """What has to be installed first; "" when nothing has."""
    lacking = sorted({package for program, package in PACKAGES.items() if not os.access(program, os.X_OK)})
    return "apt-get install " + " ".join(lacking) if lacking else ""


def command(words, stdin=None, user=None, cwd=None):
    """What it printed."""
    if user is not None and os.geteuid() == 0:
        words = ["setpriv", "--reuid", user, "--regid", str(pwd.getpwnam(user).pw_gid), "--clear-groups", *words]
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=PATIENCE, check=False, env=ENVIRONMENT,
                          cwd=cwd)
    if done.returncode != 0:
        raise ServerProblem(f"{' '.join(words)}: {done.stderr.decode(errors='replace')}{done.stdout.decode(errors='replace')}")
    return done.stdout


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def children_of(parent):
    """Descriptors, each of which can be read once its process has ended."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                if int(f.read().rpartition(")")[2].split()[1]) == parent:
                    found.append(os.pidfd_open(int(name)))
        except (FileNotFoundError, ProcessLookupError):
            continue    # It ended meanwhile.
    return found


class Tls:
    """A CA and a server's certificate for localhost and 127.0.0.1; `other` is a CA that has
    nothing to do with it, `wrong` a certificate of the right CA for another host."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, mode=0o755, exist_ok=True)
        self.ca, self.other = self.path("ca.crt"), self.path("other.crt")
        for name in ("ca", "other"):
            command(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                     "30", "-subj", f"/CN=TLS {name}", "-keyout", self.path(name + ".key"), "-out", self.path(name + ".crt")])
        self.certificate, self.key = self.issue("server", "DNS:localhost,IP:127.0.0.1")
        self.wrong, self.wrong_key = self.issue("wrong", "DNS:elsewhere.example")

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, names):
        key, request, certificate = (self.path(name + end) for end in (".key", ".csr", ".crt"))
        with open(self.path(name + ".ext"), "w", encoding="ascii") as f:
            f.write(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        command(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={name}", "-keyout", key, "-out", request])
        command(["openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.path("ca.key"), "-days", "30",
                 "-extfile", self.path(name + ".ext"), "-out", certificate])
        return certificate, key


class Server:
    """What they have in common: a directory, a copy of the program, a process."""
    user = None

    def __init__(self, directory):
        self.directory, self.process = directory, None
        os.makedirs(directory, mode=0o755, exist_ok=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def copy_of(self, program):
        mine = self.path(os.path.basename(program))
        if not os.path.exists(mine):
            shutil.copy(program, mine)
        return mine

    def launch(self, words, ready):
        with open(self.path("output"), "ab") as output:
            self.process = subprocess.Popen(self.as_user(words), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            env=ENVIRONMENT, cwd=self.directory, preexec_fn=die_with_parent)
        end = time.monotonic() + PATIENCE
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise ServerProblem(f"{words[0]} did not start:\n{self.output()[-2000:]}")
            time.sleep(0.03)

    def as_user(self, words):
        if self.user is None or os.geteuid() != 0:
            return words
        return ["setpriv", "--reuid", self.user, "--regid", str(pwd.getpwnam(self.user).pw_gid), "--clear-groups",
                "--pdeathsig", "TERM", *words]

    def output(self):
        with open(self.path("output"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


SLAPD_CONF = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
  SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.99999.1 NAME 'hasProxyAddresses' AUXILIARY MAY proxyAddresses )
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {dir}/slapd.pid
argsfile {dir}/slapd.args
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
sockbuf_max_incoming_auth 16777215
database mdb
maxsize 268435456
suffix dc=test
rootdn cn=admin,dc=test
rootpw secret
directory {dir}/db
dbnosync
index objectClass,mail,proxyAddresses eq
{more}
access to dn.subtree=ou=closed,dc=test by dn=cn=reader,dc=test read by anonymous auth
access to attrs=userPassword by anonymous auth
access to * by * read
"""


def ldif_of(dn, attributes):
    """attributes: pairs of name and value, octets or text."""
    lines = [f"dn: {dn}"]
    for name, value in attributes:
        octets = value if isinstance(value, bytes) else value.encode()
        lines.append(f"{name}:: {base64.b64encode(octets).decode()}")
    return "\n".join(lines) + "\n\n"


class Slapd(Server):
    """dc=test with ou=people for everybody and ou=closed for cn=reader, whose password is
    "let me in".  `more` goes into its configuration."""
    READER = ("cn=reader,dc=test", "let me in")

    def __init__(self, directory, tls, more="", wrong_certificate=False):
        super().__init__(directory)
        os.mkdir(self.path("db"), 0o700)
        self.tls, self.more = tls, more
        self.certificate = (tls.wrong, tls.wrong_key) if wrong_certificate else (tls.certificate, tls.key)
        self.port = self.tls_port = 0
        self.started_before = False

    def start(self):
        if not self.port:
            self.port, self.tls_port = free_ports(2)
        self.uri, self.tls_uri = f"ldap://127.0.0.1:{self.port}", f"ldaps://127.0.0.1:{self.tls_port}"
        self.local_uri = "ldapi://" + self.path("ldapi").replace("/", "%2F")
        self.write("slapd.conf", SLAPD_CONF.format(dir=self.directory, ca=self.tls.ca, certificate=self.certificate[0],
                                                   key=self.certificate[1], more=self.more))
        # The word does not end with us when it is a daemon: -d keeps it in the foreground.
        self.launch([self.copy_of("/usr/sbin/slapd"), "-f", self.path("slapd.conf"), "-d", "0", "-h",
                     f"{self.uri} {self.tls_uri} {self.local_uri}"],
                    lambda: answers(self.port) and answers(self.tls_port))
        if not self.started_before:
            self.started_before = True
            self.add(ldif_of("dc=test", [("objectClass", "dcObject"), ("objectClass", "organization"), ("o", "t"), ("dc", "test")]) +
                     ldif_of("ou=people,dc=test", [("objectClass", "organizationalUnit"), ("ou", "people")]) +
                     ldif_of("ou=closed,dc=test", [("objectClass", "organizationalUnit"), ("ou", "closed")]) +
                     ldif_of(self.READER[0], [("objectClass", "person"), ("cn", "reader"), ("sn", "r"),
                                              ("userPassword", self.READER[1])]))

    def modify(self, ldif, *options):
        command(["ldapmodify", "-x", "-H", self.uri, "-D", "cn=admin,dc=test", "-w", "secret", *options], ldif.encode())

    def add(self, ldif):
        self.modify(ldif, "-a")

    def person(self, name, attributes, unit="people"):
        self.add(ldif_of(f"cn={name},ou={unit},dc=test", [("objectClass", "inetOrgPerson"), ("objectClass", "hasProxyAddresses"),
                                                         ("cn", name), ("sn", "x"), *attributes]))

    def clear(self, unit="people"):
        """Nobody is left in the unit."""
        found = command(["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", self.uri, "-D", "cn=admin,dc=test", "-w", "secret",
                         "-b", f"ou={unit},dc=test", "-s", "one", "(objectClass=*)", "1.1"]).decode()
        gone = [line for line in found.splitlines() if line.startswith("dn:")]
        if gone:
            self.modify("".join(f"{line}\nchangetype: delete\n\n" for line in gone))


NAMED_CONF = """\
options {{
  directory "{dir}"; key-directory "{dir}"; managed-keys-directory "{dir}"; pid-file "named.pid";
  session-keyfile "session.key"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify no;
}};
controls {{ }};
logging {{ category default {{ stderr; }}; channel stderr {{ stderr; severity info; }}; }};
dnssec-policy quick {{ keys {{ csk lifetime unlimited algorithm ecdsap256sha256; }}; }};
{zones}
"""
SOA = "$TTL 1\n@ IN SOA ns.{zone} root.{zone} 1 3600 600 86400 1\n@ IN NS ns.{zone}\nns.{zone} IN A 127.0.0.1\n"


class Names(Server):
    """A DNS of our own, from the root on, all in one server:

    example.org, example.net       signed; update() changes them
    unsigned.example               not signed, as the root's NSEC says
    forged.example                 signed, and changed after that
    expired.example                signatures that have ended"""
    LIVE = ("example.org", "example.net")

    def __init__(self, directory, records=()):
        """records: (zone, name, data) for the zones that are not live."""
        super().__init__(directory)
        self.records = records
        self.port = 0

    def start(self):
        if not self.port:
            self.port = free_port()
            self.make_zones()
        self.launch([self.copy_of("/usr/sbin/named"), "-f", "-c", self.path("named.conf")], self.is_signed)

    def is_signed(self):
        if not answers(self.port):
            return False
        for zone in self.LIVE:
            found = subprocess.run(["dig", "@127.0.0.1", "-p", str(self.port), "+dnssec", "+short", "+time=1", "+tries=1", "SOA", zone],
                                   capture_output=True, env=ENVIRONMENT, timeout=PATIENCE, check=False).stdout
            if b"SOA 13" not in found:
                return False
        return True

    def make_zones(self):
        zones = "".join(f'zone "{zone}" {{ type primary; file "{zone}.zone"; allow-update {{ 127.0.0.1; }}; '
                        f'dnssec-policy quick; }};\n' for zone in self.LIVE)
        for zone in ("unsigned.example", "forged.example.signed", "expired.example.signed"):
            zones += f'zone "{zone.removesuffix(".signed")}" {{ type primary; file "{zone}"; }};\n'
        zones += 'zone "." { type primary; file "root.signed"; };\n'
        self.write("named.conf", NAMED_CONF.format(dir=self.directory, port=self.port, zones=zones))
        root = SOA.format(zone="")
        for zone in self.LIVE:
            command(["dnssec-keygen", "-q", "-k", "quick", "-l", "named.conf", zone], cwd=self.directory)
            self.write(zone + ".zone", SOA.format(zone=zone + "."))
            root += self.delegation(zone)
        for zone in ("unsigned.example", "forged.example", "expired.example"):
            self.write(zone, SOA.format(zone=zone + ".") + "".join(
                f"{name}.{zone}. IN {data}\n" for where, name, data in self.records if where == zone))
        root += "unsigned.example. IN NS ns.unsigned.example.\nns.unsigned.example. IN A 127.0.0.1\n"
        for zone, *times in (("forged.example",), ("expired.example", "-s", "20200101000000", "-e", "20200201000000")):
            command(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone], cwd=self.directory)
            root += self.delegation(zone)
            self.sign(zone, zone, *times)
        with open(self.path("forged.example.signed"), encoding="utf-8") as f:
            text = f.read()
        self.write("forged.example.signed", text.replace("SMIMEA\t3 0 0 (", "SMIMEA\t2 0 0 ("))
        self.write("root", root)
        command(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "."], cwd=self.directory)
        self.sign(".", "root")
        self.anchor = self.write("anchor", "".join(self.keys(".")))

    def sign(self, zone, file, *times):
        command(["dnssec-signzone", "-S", "-z", "-P", "-q", *times, "-o", zone, "-f", file + ".signed", file], cwd=self.directory)

    def keys(self, zone):
        for name in os.listdir(self.directory):
            if name.endswith(".key") and name.startswith(f"K{zone.rstrip('.')}.+013+"):
                with open(self.path(name), encoding="utf-8") as f:
                    yield from (f"{zone.rstrip('.')}. 60 IN {line.split(' IN ', 1)[1]}" for line in f if " IN DNSKEY 257" in line)

    def delegation(self, zone):
        self.write("ds-of", "".join(self.keys(zone)))
        ds = command(["dnssec-dsfromkey", "-2", "-f", "ds-of", zone], cwd=self.directory).decode()
        return f"{zone}. IN NS ns.{zone}.\nns.{zone}. IN A 127.0.0.1\n{ds}"

    def update(self, lines):
        """`lines` as of nsupdate, "add NAME 1 SMIMEA ..." and the like."""
        for zone in self.LIVE:
            mine = [line for line in lines if f"{zone}. " in line]
            for start in range(0, len(mine), 20):
                command(["nsupdate", "-v"], (f"server 127.0.0.1 {self.port}\nzone {zone}\n" + "".join(
                    f"update {line}\n" for line in mine[start:start + 20]) + "send\n").encode())


PG_HBA = """\
local   all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
{more}
"""


class Postgres(Server):
    """A cluster whose superuser is `owner`, by the local socket only."""
    PROGRAMS = "/usr/lib/postgresql/15/bin"

    def __init__(self, directory, tls, plain=False):
        super().__init__(directory)
        self.user = "nobody" if os.geteuid() == 0 else None
        self.tls, self.plain = tls, plain
        self.port = 0

    def start(self):
        if not self.port:
            self.port = free_port()
            self.make_cluster()
        self.launch([os.path.join(self.PROGRAMS, "postgres"), "-D", self.path("data")], self.is_ready)

    def make_cluster(self):
        owner = pwd.getpwnam(self.user) if self.user else pwd.getpwuid(os.geteuid())
        os.mkdir(self.path("data"), 0o700)
        os.mkdir(self.path("socket"), 0o755)
        for name in ("data", "socket"):
            os.chown(self.path(name), owner.pw_uid, owner.pw_gid)
        command([os.path.join(self.PROGRAMS, "initdb"), "-D", self.path("data"), "-U", "owner", "-A", "trust", "-E", "UTF8",
                 "--no-locale", "--no-sync"], user=self.user)
        for name, source in (("server.crt", self.tls.certificate), ("server.key", self.tls.key)):
            shutil.copy(source, self.path("data", name))
            os.chown(self.path("data", name), owner.pw_uid, owner.pw_gid)
            os.chmod(self.path("data", name), 0o600)
        self.socket = self.path("socket")
        with open(self.path("data/postgresql.conf"), "a", encoding="utf-8") as f:
            f.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{self.socket}'\n"
                    "ssl = on\nfsync = off\nmax_connections = 40\nshared_buffers = 16MB\nlogging_collector = off\n")
        with open(self.path("data/pg_hba.conf"), "w", encoding="utf-8") as f:
            f.write(PG_HBA.format(more="host all all 127.0.0.1/32 scram-sha-256" if self.plain else ""))

    def is_ready(self):
        return subprocess.run([os.path.join(self.PROGRAMS, "pg_isready"), "-q", "-h", self.socket, "-p", str(self.port)],
                              env=ENVIRONMENT, timeout=PATIENCE, check=False).returncode == 0

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast, connections are cut; SIGKILL: as if the machine had died."""
        orphans = children_of(self.process.pid) if self.process is not None else []
        super().stop(how)
        # As long as one is left, the memory they share is in use, and the next server does not start.
        for orphan in orphans:
            gone, _, _ = select.select([orphan], [], [], PATIENCE)
            os.close(orphan)
            if not gone:
                raise ServerProblem("a process of PostgreSQL outlived its server")

    def sql(self, text, database="postgres", user="owner"):
        return command([os.path.join(self.PROGRAMS, "psql"), "-h", self.socket, "-p", str(self.port), "-U", user, "-v", "ON_ERROR_STOP=1",
                        "-qAt", database], text.encode()).decode()
