"""argv, -n, and everything that keeps the daemon from starting."""
import os
import re
import subprocess

import harness
from harness import Daemon, PROGRAM
from milter_client import MilterClient


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=harness.PATIENCE,
                          stdin=subprocess.DEVNULL, check=False)


def test_help_goes_to_stdout():
    result = run("--help")
    assert result.returncode == 0 and result.stdout.startswith("Usage: smime-milter"), result
    assert result.stderr == "", result


def test_version_names_openssl_and_libmilter():
    result = run("--version")
    assert result.returncode == 0, result
    assert re.match(r"smime-milter \d+\.\d+.*\nOpenSSL 3\.[^\n]*\nlibmilter \d+\.\d+\.\d+\n$", result.stdout), result


def test_wrong_options_are_usage_errors():
    for arguments in (["--nonsense"], ["-c"], ["extra"], ["--log=printer"], ["-z"], ["--log"], ["-c", ""]):
        result = run(*arguments)
        assert result.returncode == 64, (arguments, result)
        assert result.stderr.startswith("smime-milter: error: "), result


def test_log_takes_its_value_with_a_blank_too():
    with Daemon(start=False) as d:
        result = run("--log", "stderr", "-n", "-c", d.config)
        assert result.returncode == 0, result


def test_check_accepts_a_good_configuration_in_silence():
    with Daemon(start=False) as d:
        result = run("-n", "-c", d.config)
        assert result.returncode == 0, result
        assert "error" not in result.stderr, result
        assert not os.path.exists(d.socket), "a check must not open the socket"


def test_check_names_file_and_line_of_a_mistake():
    with Daemon(start=False) as d:
        d.configure(raw="[milter]\nsocket = unix:/tmp/x\nsokket = 1\n")
        result = run("-n", "-c", d.config)
        assert result.returncode == 78, result
        assert f"smime-milter: {d.config}:3: error: " in result.stderr, result


def test_check_warns_of_more_memory_than_there_is():
    with Daemon(start=False) as d:
        d.milter["max_in_flight"] = "1024G"
        d.configure()
        result = run("-n", "-c", d.config)
        assert result.returncode == 0, result
        assert re.search(re.escape(d.config) + r":\d+: warning: max_in_flight is more than three quarters of the \d+M of memory", result.stderr), result


def test_check_refuses_a_socket_that_cannot_be():
    with Daemon(start=False) as d:
        for value in ("unix:relative/path", "carrier:pigeon", "inet:0@127.0.0.1", "unix:/" + "x" * 200):
            d.milter["socket"] = value
            d.configure()
            result = run("-n", "-c", d.config)
            assert result.returncode == 78 and "error" in result.stderr, (value, result)


def test_check_by_root_sees_what_the_daemons_user_sees():
    if os.geteuid() != 0:
        raise harness.Skipped("only root changes its user")
    with Daemon(start=False) as d:
        key = os.path.join(d.directory, "keys", "alice.p12")
        os.chown(key, 0, 0)
        result = run("-n", "-c", d.config)
        assert result.returncode == 78 and f"{key}: error: cannot open" in result.stderr, result
        assert "nobody has no permission" in result.stderr, result
        d.own()
        os.chown(os.path.dirname(d.socket), 0, 0)
        result = run("-n", "-c", d.config)
        assert result.returncode == 78 and "the daemon's user cannot write there" in result.stderr, result
        d.own()
        d.milter["user"] = "nosuchuser"
        d.configure()
        result = run("-n", "-c", d.config)
        assert result.returncode == 78 and "there is no user nosuchuser" in result.stderr, result


def test_check_fails_where_the_start_would_for_want_of_a_directory():
    with Daemon(start=False) as d:
        missing = os.path.join(d.directory, "not-there")
        d.milter["socket"] = f"unix:{missing}/milter.sock"
        d.configure()
        result = run("-n", "-c", d.config)
        assert result.returncode == 78, result
        assert re.search(f"run: install -d -o {d.user} -g postfix -m 2750 {missing}$", result.stderr, re.M), result


def test_errors_say_once_that_they_are_errors():
    with Daemon(start=False) as d:
        d.configure(raw="[milter]\nnonsense\n")
        assert d.spawn().wait(harness.PATIENCE) == 78
        for line in d.log().splitlines():
            assert line.count("error:") <= 1, line


def test_lock_file_that_cannot_be_made_names_the_command():
    if os.geteuid() != 0:
        raise harness.Skipped("only root changes its user")
    with Daemon(start=False) as d:
        directory = os.path.dirname(d.socket)
        os.chown(directory, 0, 0)
        assert d.spawn().wait(harness.PATIENCE) == 73, d.log()
        assert f"run: install -d -o nobody -g postfix -m 2750 {directory}" in d.log(), d.log()


def test_missing_configuration_is_an_error():
    for arguments in (["-n"], []):
        result = run(*arguments, "-c", "/nonexistent/smime-milter.conf")
        assert result.returncode == 78, result
        assert "/nonexistent/smime-milter.conf: error: cannot open: No such file or directory; " in result.stderr, result
        assert "-c FILE" in result.stderr and "mistakes" not in result.stderr, result


def test_broken_configuration_does_not_start():
    with Daemon(start=False) as d:
        d.configure(raw="[milter]\nnonsense\n")
        process = d.spawn()
        assert process.wait(harness.PATIENCE) == 78
        assert f"{d.config}:2: error:" in d.log(), d.log()


def test_missing_socket_directory_names_the_command():
    with Daemon(start=False) as d:
        missing = os.path.join(d.directory, "not-there")
        d.milter["socket"] = f"unix:{missing}/milter.sock"
        d.configure()
        process = d.spawn()
        assert process.wait(harness.PATIENCE) == 69
        assert f"install -d -o {d.user} -g postfix -m 2750 {missing}" in d.log(), d.log()


def test_unknown_user_names_the_command():
    if os.geteuid() != 0:
        raise harness.Skipped("only root changes its user")
    with Daemon(start=False) as d:
        d.milter["user"] = "nosuchuser"
        d.configure()
        process = d.spawn()
        assert process.wait(harness.PATIENCE) == 78
        assert "there is no user nosuchuser" in d.log() and "adduser --system" in d.log(), d.log()


def test_root_is_no_user_for_the_daemon():
    if os.geteuid() != 0:
        raise harness.Skipped("only root changes its user")
    with Daemon(start=False) as d:
        d.milter["user"] = "root"
        d.configure()
        process = d.spawn()
        assert process.wait(harness.PATIENCE) == 78
        assert "is root" in d.log(), d.log()


def test_root_is_given_up_for_good():
    if os.geteuid() != 0:
        raise harness.Skipped("only root changes its user")
    with Daemon() as d:
        with open(f"/proc/{d.process.pid}/status", encoding="ascii") as f:
            status = f.read()
        for key in ("Uid", "Gid"):
            ids = set(re.search(rf"^{key}:\s+(.*)$", status, re.M).group(1).split())
            assert ids == {"65534"}, (key, ids)
        assert re.search(r"^Groups:\s*(65534)?\s*$", status, re.M), status


def test_memory_is_protected():
    with Daemon() as d:
        with open(f"/proc/{d.process.pid}/limits", encoding="ascii") as f:
            assert re.search(r"Max core file size\s+0\s+0", f.read())
        # A process that is not dumpable belongs to root in /proc.
        assert os.stat(f"/proc/{d.process.pid}/environ").st_uid == 0


def test_start_says_what_runs_and_how_to_hook_it_in():
    with Daemon() as d:
        log = d.log()
        assert "OpenSSL 3." in log and "libmilter" in log, log
        assert log.count("milter_default_action = tempfail") == 1, log


def test_socket_is_for_owner_and_group_only():
    with Daemon() as d:
        for path in (d.socket, d.control):
            assert os.stat(path).st_mode & 0o777 == 0o660, (path, oct(os.stat(path).st_mode))
        assert os.stat(d.socket + ".lock").st_mode & 0o007 == 0


def test_inet_socket_works_and_warns():
    port = 28911
    with Daemon(milter={"socket": f"inet:{port}@127.0.0.1"}) as d:
        assert "every local user" in d.log(), d.log()
        with MilterClient(("127.0.0.1", port)) as c:
            c.negotiate()
