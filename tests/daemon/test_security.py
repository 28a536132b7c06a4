"""The process itself: what it holds, what others can get out of it, what it cannot do any more."""
import ctypes
import os
import pwd
import re
import shutil
import subprocess

import harness
import samples
from harness import Daemon, wait_for
from milter_client import MilterClient, split
from test_messages import SHOP, talk

KEYLESS = "\n[rule inbound]\ndirection = incoming\nverify = yes\n"


RULES_REQUIRED = harness.RULES.replace("sign = clear", "sign = clear\nsign_required = yes")


def only_root():
    if os.geteuid() != 0:
        raise harness.Skipped("only root can play the other users")


def proc(d, name):
    with open(f"/proc/{d.process.pid}/{name}", encoding="ascii", errors="replace") as f:
        return f.read()


def memory_of(pid):
    """All that the process can read, but for what it has only mapped from files."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as f:
        areas = [line.split(None, 5) for line in f]
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for area in areas:
            begin, end = (int(text, 16) for text in area[0].split("-"))
            name = area[5].strip() if len(area) > 5 else ""
            if end - begin > 1 << 36:
                raise harness.Skipped("the shadow memory of a sanitizer is too large to search")
            if area[1].startswith("rw") and name not in ("[vvar]", "[vsyscall]"):
                memory.seek(begin)
                try:
                    found.append(memory.read(end - begin))
                except OSError:  # it went away meanwhile
                    pass
    return b"\0".join(found)


def as_user(name, function):
    """The value of `function` in a child that has become this user: 0 to 255."""
    child = os.fork()
    if child == 0:
        status = 255
        try:
            entry = pwd.getpwnam(name)
            os.setgroups([])
            os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
            os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
            status = function()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_another_process_of_the_same_user_cannot_read_its_memory():
    only_root()

    def attack(pid):
        """1: what the process was started with can be read, 2: its memory too, or it can be traced."""
        def opens(name):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    f.read(1)
                return True
            except PermissionError:
                return False
            except OSError:  # the first octets of the memory are nobody's
                return True

        ptrace_attach = 16
        traced = ctypes.CDLL(None, use_errno=True).ptrace(ptrace_attach, pid, None, None) == 0
        return int(opens("environ")) + 2 * int(opens("mem") or traced)

    with Daemon() as d:
        # That the attack works where nothing stands against it:
        victim = subprocess.Popen(["setpriv", "--reuid", d.user, "--regid", str(pwd.getpwnam(d.user).pw_gid), "--clear-groups", "sleep",
                                   "60"])
        try:
            wait_for(lambda: os.stat(f"/proc/{victim.pid}").st_uid == pwd.getpwnam(d.user).pw_uid, "the other user")
            assert as_user(d.user, lambda: attack(victim.pid)) & 1
        finally:
            victim.kill()
            victim.wait()
        assert as_user(d.user, lambda: attack(d.process.pid)) == 0


def test_there_are_no_capabilities_left():
    only_root()
    with Daemon() as d:
        status = proc(d, "status")
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert re.search(rf"^{kind}:\s+0+$", status, re.M), status


def test_what_was_given_up_cannot_be_had_again():
    """No saved id to return to, no capability to change one, no group of root's, no
    set-user-id program that would help."""
    only_root()
    with Daemon() as d:
        status, entry = proc(d, "status"), pwd.getpwnam(d.user)
        for name, number in (("Uid", entry.pw_uid), ("Gid", entry.pw_gid)):
            found = re.search(rf"^{name}:\s+(.*)$", status, re.M).group(1).split()
            assert found == [str(number)] * 4, f"{name}: real, effective, saved, of the file system: {found}"
        groups = {int(word) for word in re.search(r"^Groups:(.*)$", status, re.M).group(1).split()}
        assert groups == set(os.getgrouplist(d.user, entry.pw_gid)), groups
        assert re.search(r"^CapPrm:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M), status


def test_it_leaves_no_core_behind():
    with Daemon() as d:
        limit = re.search(r"^Max core file size\s+(\S+)\s+(\S+)", proc(d, "limits"), re.M)
        assert limit.groups() == ("0", "0"), limit.group(0)
        if os.geteuid() == 0:  # what is not dumpable belongs to root in /proc, whoever runs it
            assert os.stat(f"/proc/{d.process.pid}/mem").st_uid == 0


def test_what_it_creates_is_for_itself():
    with Daemon() as d:
        assert re.search(r"^Umask:\s+0077$", proc(d, "status"), re.M)
        assert os.stat(d.socket + ".lock").st_mode & 0o7777 == 0o600


def test_it_signs_with_keys_that_it_cannot_change():
    only_root()
    with Daemon(start=False) as d:
        keys = os.path.join(d.directory, "keys")
        group = pwd.getpwnam(d.user).pw_gid
        for path, mode in ((keys, 0o750), (os.path.join(keys, "alice.p12"), 0o640)):
            os.chown(path, 0, group)
            os.chmod(path, mode)
        d.start()
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body

        def tamper():
            for path in (os.path.join(keys, "alice.p12"), os.path.join(keys, "new")):
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
                    return 1
                except PermissionError:
                    pass
            return 0

        assert as_user(d.user, tamper) == 0


def private_number(d):
    """A prime of the RSA key, as OpenSSL has it in memory and as PKCS#1 writes it."""
    text = subprocess.run(["openssl", "pkcs12", "-in", os.path.join(d.directory, "keys", "alice.p12"), "-nodes",
                           "-nocerts", "-passin", "file:" + os.path.join(d.directory, "password")],
                          capture_output=True, check=True, timeout=60).stdout
    shown = subprocess.run(["openssl", "rsa", "-noout", "-text"], input=text, capture_output=True, check=True,
                           timeout=60).stdout.decode()
    number = bytes.fromhex(re.sub(r"[\s:]", "", re.search(r"prime1:([\s0-9a-f:]+)", shown).group(1))).lstrip(b"\0")
    return number[::-1], number


def test_many_keys_are_remembered_and_opened_when_they_are_used():
    with Daemon(start=False) as d:
        keys, state = os.path.join(d.directory, "keys"), os.path.join(d.directory, "state")
        os.mkdir(state)
        d.multiply_key(100)
        d.own()
        index, sizes = os.path.join(state, "keys.index"), []
        for _ in range(2):
            d.start(env={"STATE_DIRECTORY": state})
            with talk(d, SHOP) as c:
                assert c.message(samples.PLAIN).body
            d.stop()
            sizes.append((os.stat(index).st_size, os.stat(index).st_mtime_ns))
        assert os.stat(index).st_mode & 0o777 == 0o600, oct(os.stat(index).st_mode)
        assert sizes[0] == sizes[1], "nothing has changed, and it was written again"
        with open(index, "rb") as f:
            octets = f.read()
        assert b"golden" not in octets.replace(b"Golden", b""), "the password"
        # A key file that is gone when it is needed is a temporary failure, not unsigned mail.
        d.configure(RULES_REQUIRED)
        d.start(env={"STATE_DIRECTORY": state})
        for name in os.listdir(keys):
            os.unlink(os.path.join(keys, name))
        with talk(d, SHOP) as c:
            reply = c.message(samples.PLAIN)
            assert reply.body is None and "451" in repr(reply), reply
        d.logged(r'status="451 4\.7\.5" reason="\S+\.p12: cannot open: No such file')


def test_keys_and_passwords_that_are_no_longer_needed_are_wiped():
    only_root()
    if not shutil.which("openssl"):
        raise harness.Skipped("no openssl")
    with Daemon(start=False) as d:
        key = os.path.join(d.directory, "keys", "alice.p12")
        bag = os.path.join(d.directory, "bag.pem")
        word, secret = os.path.join(d.directory, "word"), "Ein-sehr-seltsames-Kennwort-4711"
        old = ["openssl", "pkcs12", "-in", key, "-passin", "file:" + os.path.join(d.directory, "password"), "-nodes",
               "-out", bag]
        subprocess.run(old, check=True, capture_output=True, timeout=60)
        with open(word, "w", encoding="ascii") as f:
            f.write(secret + "\n")
        os.unlink(key)
        subprocess.run(["openssl", "pkcs12", "-export", "-in", bag, "-out", key, "-passout", "file:" + word],
                       check=True, capture_output=True, timeout=60)
        os.unlink(bag)
        shutil.copy(word, os.path.join(d.directory, "password"))
        for path in (key, os.path.join(d.directory, "password")):
            os.chmod(path, 0o600)
        d.own()
        limbs, number = private_number(d)
        d.start()
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body
            # That the search finds what is there: the key is needed now.
            memory = memory_of(d.process.pid)
            assert limbs in memory, "a key in use was not found in the memory: this test has gone blind"
            # As PKCS#1 or PKCS#8 it has been in memory only on the way.
            assert number not in memory, "the private key has left its encoding behind"
            d.material = ""
            d.configure(KEYLESS)
            assert d.ask("reload").startswith("ok")
            # The connection held the old snapshot for the message that it had begun.
            c.message(samples.PLAIN)
        with talk(d, SHOP) as c:
            c.message(samples.PLAIN)
        memory = memory_of(d.process.pid)
        assert secret.encode() not in memory, "the password is still in memory"
        assert limbs not in memory and number not in memory, "the private key is still in memory"


def test_strangers_cannot_write_into_the_log():
    forged = "\n4Forged: action=sign rule=shop status=ok\r\x1b[2J\x7f\x00\u0085\u2028"
    evil = forged.replace("\x00", "").encode("utf-8").decode("latin-1")
    with Daemon() as d:
        for where in ("sender", "recipient", "queue id", "login", "host", "from", "message id", "subject", "type",
                      "reply"):
            with MilterClient(d.socket).negotiate() as c:
                c.connect(address=SHOP, host="client" + forged.replace("\x00", "") if where == "host" else "client.example")
                c.mail("<a" + (evil if where == "sender" else "") + "@example.net>",
                       login="alice" + evil if where == "login" else None)
                c.rcpt("<b" + (evil if where == "recipient" else "") + "@example.org>")
                value = evil.replace("\n", "\n ")
                for name, text in (("From", " alice" + (value if where == "from" else "") + "@example.org"),
                                   ("Subject", " s" + (value if where == "subject" else "")),
                                   ("Message-ID", " <m" + (value if where == "message id" else "") + "@x>"),
                                   ("MIME-Version", " 1.0"),
                                   ("Content-Type", " text/plain" + (value if where == "type" else ""))):
                    c.header(name, text)
                queue_id = "4Id" + (evil if where == "queue id" else "")
                if c.end_of_header(queue_id).code == "c":
                    c.body(b"x\r\n")
                    c.end_of_message(queue_id)
        d.settled()
        with open(d.log_file, "rb") as f:
            log = f.read()
        lines = log.split(b"\n")
        assert log.count(b"action=") >= 10, log.decode("latin-1")
        for line in lines[:-1]:
            assert re.match(rb"smime-milter(\[\d+\])?: ", line), line
            assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line), line
            assert not re.match(rb"smime-milter: \w+: 4Forged", line), line


def test_control_characters_of_the_configuration_do_not_reach_the_log():
    with Daemon(start=False) as d:
        d.configure(raw="[milter]\nso\x1b[31mcket = \x07\n")
        assert d.spawn().wait(harness.PATIENCE) == 78
        with open(d.log_file, "rb") as f:
            log = f.read()
        assert b":2: error" in log and not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", log), log


def test_a_key_for_everybody_to_read_is_refused_and_explained_once():
    with Daemon(start=False) as d:
        key = os.path.join(d.directory, "keys", "alice.p12")
        os.chmod(key, 0o644)
        d.start()
        with talk(d, SHOP) as c:
            for _ in range(5):
                assert c.message(samples.PLAIN).body is None
        assert d.log().count(f"{key}: error: mode 0644: readable by others; run: chmod 640 {key}") == 1, d.log()
        assert d.log().count("readable by others") == 1, d.log()


def test_a_key_out_of_reach_is_explained_once_with_whose_it_is():
    only_root()
    group = subprocess.run(["id", "-gn", "nobody"], capture_output=True, text=True, check=True).stdout.strip()
    with Daemon(start=False) as d:
        key = os.path.join(d.directory, "keys", "alice.p12")
        os.chown(key, 0, 0)
        d.start()
        with talk(d, SHOP) as c:
            for _ in range(5):
                assert c.message(samples.PLAIN).body is None
        wanted = (f"{key}: error: cannot open: it belongs to root:root, mode 0600, and nobody has no permission; "
                  f"run: chgrp {group} {key} && chmod 640 {key}")
        assert d.log().count(wanted) == 1, d.log()
        assert d.log().count("no permission") == 1, d.log()


def test_a_directory_that_keeps_the_daemon_out_is_named_itself():
    only_root()
    with Daemon(start=False) as d:
        keys = os.path.join(d.directory, "keys")
        os.chown(keys, 0, 0)
        os.chmod(keys, 0o700)
        d.start()
        assert f"{keys}: error:" in d.log() and "belongs to root:root, mode 0700" in d.log(), d.log()
        assert f"chmod 750 {keys}" in d.log(), d.log()
