#!/usr/bin/env python3
"""Makes the certificates of a directory all that a server has, for tests/sources/contract:
fill.py SERVER.json DIRECTORY, with DIRECTORY/*.der.  SERVER.json says which one it is."""
import glob
import hashlib
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "mta"), os.path.join(HERE, "..", "lib")]

import servers  # noqa: E402


def addresses(der):
    """As openssl prints those of the subject's alternative names."""
    done = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-ext", "subjectAltName", "-nameopt", "utf8"], input=der,
                          capture_output=True, check=True, timeout=60)
    text = done.stdout.decode("utf-8", "replace")
    return re.findall(r"email:([^\s,]+)", text) + re.findall(r"SmtpUTF8Mailbox:+([^\s,]+)", text)


def owner(address):
    """Of SMIMEA records."""
    local, domain = address.rsplit("@", 1)
    return f"{hashlib.sha256(local.encode()).hexdigest()[:56]}._smimecert.{domain.lower()}."


def ldap(server, certificates):
    there = servers.Slapd.__new__(servers.Slapd)
    there.uri = server["uri"]
    there.clear()
    ldif = ""
    for n, (der, names) in enumerate(certificates):
        ldif += servers.ldif_of(f"cn=c{n},ou=people,dc=test", [
            ("objectClass", "inetOrgPerson"), ("objectClass", "hasProxyAddresses"), ("cn", f"c{n}"), ("sn", "x"),
            ("userCertificate;binary", der),
            *((("mail", name) if name.isascii() else ("proxyAddresses", "smtp:" + name)) for name in names)])
    if ldif:
        there.add(ldif)


def smimea(server, certificates):
    there = servers.Names.__new__(servers.Names)
    there.port = server["port"]
    known = server["state"]
    old = []
    if os.path.exists(known):
        with open(known, encoding="ascii") as f:
            old = f.read().split()
    lines = [f"delete {name} SMIMEA" for name in old]
    names = []
    for der, whose in certificates:
        for address in whose:
            names.append(owner(address))
            lines.append(f"add {names[-1]} 1 SMIMEA 3 0 0 {der.hex()}")
    there.update(lines)
    with open(known, "w", encoding="ascii") as f:
        f.write("\n".join(set(names)))


def postgresql(server, certificates):
    there = servers.Postgres.__new__(servers.Postgres)
    there.port, there.socket = server["port"], server["socket"]
    sql = "BEGIN; DELETE FROM smime_milter.address;\n"
    for n, (der, whose) in enumerate(certificates):
        for address in whose:
            sql += (f"INSERT INTO smime_milter.address (address) VALUES ('{address.lower()}') ON CONFLICT DO NOTHING;\n"
                    "INSERT INTO smime_milter.certificate (address, fingerprint, certificate, issuer, state, not_before, not_after, "
                    f"first_seen, last_seen) VALUES ('{address.lower()}', '{hashlib.sha256(der).hexdigest()}', '\\x{der.hex()}', '', "
                    f"'used', {n}, 4000000000, 0, 0);\n")
    there.sql(sql + "COMMIT;\n", "mail")


KINDS = {"ldap": ldap, "smimea": smimea, "postgresql": postgresql}


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        server = json.load(f)
    certificates = []
    for name in sorted(glob.glob(os.path.join(sys.argv[2], "*.der")), key=lambda n: int(re.search(r"(\d+)\.der", n)[1])):
        with open(name, "rb") as f:
            der = f.read()
        certificates.append((der, addresses(der)))
    KINDS[server["kind"]](server, certificates)


if __name__ == "__main__":
    main()
