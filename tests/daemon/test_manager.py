"""Under a service manager and without one: the watchdog, and /run/smime-milter that nobody has made."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import harness
import samples
from harness import Daemon, wait_for
from milter_client import split
from test_messages import SHOP, talk

INTERVAL = 0.9


@contextlib.contextmanager
def watched():
    """A daemon and the socket of its manager."""
    with Daemon(start=False) as d, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = os.path.join(d.directory, "notify")
        manager.bind(path)
        os.chmod(path, 0o777)
        manager.settimeout(harness.PATIENCE)
        d.start(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(int(INTERVAL * 1e6))})
        yield d, manager


def pings(manager, seconds):
    """How many come in that time."""
    count, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        manager.settimeout(left)
        try:
            count += manager.recv(1000) == b"WATCHDOG=1"
        except socket.timeout:
            break
    manager.settimeout(harness.PATIENCE)
    return count


def drain(manager):
    manager.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            manager.recv(1000)
    manager.settimeout(harness.PATIENCE)


def header_of_a_message(d):
    """A connection that has sent the header of a message to sign."""
    c = talk(d, SHOP)
    c.mail("<alice@example.org>")
    c.rcpt("<bob@partner.example>")
    for name, value in split(samples.PLAIN)[0]:
        c.header(name, value)
    assert c.end_of_header().code == "c"
    return c


def test_watchdog_hears_from_an_idle_and_from_a_busy_daemon():
    with watched() as (d, manager):
        assert pings(manager, 3 * INTERVAL) >= 5
        with talk(d, SHOP) as c:
            for _ in range(20):
                assert c.message(samples.PLAIN).body
        assert pings(manager, INTERVAL) >= 1


def test_watchdog_does_not_blame_us_for_an_mta_that_does_not_read():
    with watched() as (d, manager):
        c = header_of_a_message(d)
        c.body(samples.text_of(6_000_000))
        c.send("E")  # the answer does not fit into the socket's buffers, and nobody reads it
        time.sleep(INTERVAL)
        drain(manager)
        assert pings(manager, 3 * INTERVAL) >= 5
        assert d.status()["messages"] == "1", d.status()
        assert "progress" not in d.log(), d.log()
        c.close()


def test_watchdog_hears_nothing_while_the_workers_hang_and_again_when_they_go_on():
    if os.geteuid() != 0 or not shutil.which("strace"):
        raise harness.Skipped("only root with strace can make a worker hang")
    with watched() as (d, manager):
        # A buffer that grows is where a worker is certainly at work.
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(d.process.pid), "-e", "trace=mremap",
                                   "-e", f"inject=mremap:delay_enter={int(4 * INTERVAL * 1e6)}:when=1"],
                                  stdin=subprocess.DEVNULL)
        try:
            wait_for(lambda: f"TracerPid:\t{tracer.pid}" in open(f"/proc/{d.process.pid}/status", encoding="ascii").read(),
                     "strace to be there")
            c = header_of_a_message(d)
            sender = threading.Thread(target=c.body, args=(samples.text_of(6_000_000),))
            sender.start()  # it hangs with the worker
            d.logged("no message has made progress")
            drain(manager)
            assert pings(manager, INTERVAL) == 0
            d.logged("messages make progress again")
            assert pings(manager, 2 * INTERVAL) >= 2
            sender.join()
            assert c.end_of_message().body
            c.close()
        finally:
            tracer.send_signal(signal.SIGTERM)
            tracer.wait()


def test_watchdog_of_another_process_is_not_ours():
    with Daemon(start=False) as d, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = os.path.join(d.directory, "notify")
        manager.bind(path)
        os.chmod(path, 0o777)
        d.start(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"})
        assert pings(manager, 1) == 0


def hide_run(d, prepare=""):
    """The daemon in a mount namespace of its own, with an empty /run."""
    if os.geteuid() != 0:
        raise harness.Skipped("only root has mount namespaces")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        raise harness.Skipped("mount namespaces are not allowed here")
    with open(d.log_file, "ab") as log:
        process = subprocess.Popen(["unshare", "--mount", "sh", "-c",
                                    f'mount -t tmpfs -o mode=755 tmpfs /run && {prepare or "true"} && exec "$@"', "sh",
                                    harness.PROGRAM, "-c", d.config, "-v", "--log=stderr"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    d.processes.append(process)
    d.process = process
    return process


def test_default_control_socket_without_its_directory_is_a_warning():
    with Daemon(start=False) as d:
        del d.milter["control_socket"]
        d.configure()
        hide_run(d)
        d.logged("notice: serving unix:")
        assert "warning: /run/smime-milter: No such file or directory; without a control socket" in d.log(), d.log()
        assert f"install -d -o nobody -g {d.group} -m 0755 /run/smime-milter" in d.log(), d.log()
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body


def test_default_control_socket_in_a_directory_of_its_own_is_there():
    with Daemon(start=False) as d:
        del d.milter["control_socket"]
        d.configure()
        process = hide_run(d, f"install -d -o {d.user} -m 755 /run/smime-milter")
        d.logged("notice: serving unix:")
        assert "without a control socket" not in d.log(), d.log()
        d.control = f"/proc/{process.pid}/root/run/smime-milter/control.sock"
        assert d.ask("ping") == "ok: pong\n"


def test_control_socket_that_was_asked_for_has_to_be():
    with Daemon(start=False) as d:
        d.milter["control_socket"] = os.path.join(d.directory, "not-there", "control.sock")
        d.configure()
        assert d.spawn().wait(harness.PATIENCE) == 69
        assert "cannot bind the control socket" in d.log() and f"install -d -o {d.user} -g " in d.log(), d.log()
        assert not os.path.exists(d.socket), "the milter socket was left behind"


def test_password_comes_from_a_credential():
    with Daemon(start=False) as d:
        d.material = d.material.replace("file:" + os.path.join(d.directory, "password"), "credential:keys")
        d.configure()
        credentials = os.path.join(d.directory, "credentials")
        os.mkdir(credentials)
        os.rename(os.path.join(d.directory, "password"), os.path.join(credentials, "keys"))
        os.chmod(os.path.join(credentials, "keys"), 0o400)
        d.own()
        d.start(env={"CREDENTIALS_DIRECTORY": credentials})
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body
        d.stop()
        d.start()
        assert "LoadCredential=keys:/path/to/password" in d.log(), d.log()
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body is None


def test_a_start_with_many_keys_asks_the_manager_for_patience():
    with Daemon(start=False) as d, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        d.multiply_key(120)
        d.own()
        path = os.path.join(d.directory, "notify")
        manager.bind(path)
        os.chmod(path, 0o777)
        manager.settimeout(harness.PATIENCE)
        d.start(env={"NOTIFY_SOCKET": path})
        assert manager.recv(1000) == b"EXTEND_TIMEOUT_USEC=72100000"
        assert manager.recv(1000).startswith(b"READY=1\n")


def test_stop_asks_the_manager_for_the_time_that_it_may_take():
    with Daemon(start=False, milter={"drain_seconds": "100"}) as d, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = os.path.join(d.directory, "notify")
        manager.bind(path)
        os.chmod(path, 0o777)
        manager.settimeout(harness.PATIENCE)
        d.start(env={"NOTIFY_SOCKET": path})
        state = manager.recv(1000).decode()
        assert state.startswith("READY=1\nSTATUS=serving unix:") and "2 rules, 1 key" in state, state
        d.stop()
        assert manager.recv(1000) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=110000000"
