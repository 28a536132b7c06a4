"""Every golden case over a real socket: libmilter, callbacks and edits as in
the daemon, clock, seed and keys as recorded, and then octet for octet what
process() gave (tests/golden/CASE/{expect.txt,out.eml})."""
import os
import subprocess

from harness import ALARMS, GOLDEN, PATIENCE, PROGRAM, Problem
from milter_client import MilterClient, after, split

SERVER = os.path.join(os.path.dirname(PROGRAM), "tests", "golden-server")


def contents(case, name):
    with open(os.path.join(GOLDEN, case, name), "rb") as f:
        return f.read()


def envelope(case):
    values = {"client": "", "login": "", "mail_from": "", "listener": "", "mta_name": "mx.example.org",
              "queue_id": "4bGolden1", "recipient": []}
    in_case = False
    for line in contents(case, "case.conf").decode().splitlines():
        if line.startswith("["):
            in_case = line.strip() == "[case]"
        key, equals, value = (part.strip() for part in line.partition("="))
        if not in_case or not equals or line.startswith("#"):
            continue
        if key == "recipient":
            values["recipient"].append(value)
        else:
            values[key] = value
    return values


def passes(case, chunk):
    e = envelope(case)
    wire = contents(case, "in.eml")
    expected = dict(line.split(" ", 1) for line in contents(case, "expect.txt").decode().splitlines()[::-1])
    with subprocess.Popen([SERVER, os.path.abspath(GOLDEN), case], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as server:
        try:
            socket = server.stdout.readline().decode().strip()
            if not socket:
                raise Problem("golden-server: " + server.stderr.read().decode())
            with MilterClient(socket) as c:
                c.negotiate()
                macros = {"j": e["mta_name"]}
                if e["listener"]:
                    macros["{daemon_name}"] = e["listener"]
                if e["client"]:
                    c.connect(address=e["client"], family="6" if ":" in e["client"] else "4", macros=macros)
                else:
                    c.connect(host="localhost", address="", family="U", macros=macros)
                recipients = [f"<{r}>" for r in e["recipient"]]
                result = c.message(wire, f"<{e['mail_from']}>", recipients, login=e["login"] or None, chunk=chunk,
                                   queue_id=e["queue_id"])
                c.quit()
        finally:
            server.stdin.close()
            complaints = server.stderr.read().decode()
            status = server.wait(PATIENCE)
    alarm = ALARMS.search(complaints)
    if alarm or status != 0:
        raise Problem(f"golden-server ended with {status}:\n{complaints}")
    if "reply" in expected:
        assert (result.code, result.reply.text) == ("y", expected["reply"]), result
        return
    assert result.code in ("c", "a"), result
    edits = [edit for edit in result.edits if edit[0] == "q"]
    assert [edit[2] for edit in edits] == ([expected["quarantine"]] if "quarantine" in expected else []), edits
    body = split(wire)[1] if result.body is None else result.body
    assert (result.body is not None) == ("body" in expected), "replaces the body: " + str(result.body is not None)
    assert body == contents(case, "out.eml").partition(b"\r\n\r\n")[2]
    assert after(wire, result) == contents(case, "out.eml"), after(wire, result).decode("latin-1")


def comparison(case):
    def test():
        # Chunks as large as a frame, and so small that delimiters are torn apart.
        for chunk in (65535, 7):
            passes(case, chunk)
    return test


for golden_case in sorted(os.listdir(GOLDEN)):
    if os.path.exists(os.path.join(GOLDEN, golden_case, "case.conf")):
        globals()["test_" + golden_case.replace("-", "_")] = comparison(golden_case)
