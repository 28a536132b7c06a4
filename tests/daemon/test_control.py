"""The control socket: one line in, some lines out."""
import os
import socket

import samples
from harness import PATIENCE, Daemon
from test_messages import SHOP, talk


def test_status_tells_what_runs():
    with Daemon() as d:
        with talk(d, SHOP) as c:
            c.message(samples.PLAIN)
            c.message(samples.PLAIN)
            text = d.ask("status")
            status = d.status()
        assert text.startswith("ok: running\n"), text
        assert status["pid"] == str(d.process.pid) and status["config"] == d.config, status
        assert status["rules"] == "2" and status["keys"] == "1", status
        assert status["connections"] == "1" and status["messages"] == "0", status
        assert status["started"].endswith("Z") and status["version"], status
        assert "processed: 2 action=sign status=ok\n" in text, text


def test_unknown_requests_are_refused():
    with Daemon() as d:
        for request in ("", "PING", "status now", "x" * 5000):
            assert d.ask(request) == "error: unknown request\n", request[:50]


def test_request_without_a_line_end_is_not_waited_for_ever():
    with Daemon() as d:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(d.control)
            s.settimeout(60)
            s.sendall(b"stat")
            # Meanwhile mail passes.
            with talk(d, SHOP) as c:
                assert c.message(samples.PLAIN).body
            assert s.recv(1000) == b"error: unknown request\n"
        assert d.ask("ping") == "ok: pong\n"


def test_client_that_does_not_read_blocks_nobody_for_ever():
    with Daemon() as d:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(d.control)
            s.sendall(b"status\n")
            assert d.ask("ping") == "ok: pong\n"


def test_clients_that_ask_nothing_keep_nobody_waiting():
    with Daemon() as d:
        idle = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(100)]
        try:
            for s in idle:
                s.settimeout(PATIENCE)
                s.connect(d.control)
            assert d.ask("ping") == "ok: pong\n"
            # Whoever waited longest had to go; whoever came last still may ask.
            assert idle[0].recv(100) == b""
            idle[-1].sendall(b"ping\n")
            assert idle[-1].recv(100) == b"ok: pong\n"
        finally:
            for s in idle:
                s.close()


def test_daemon_works_without_a_control_socket():
    with Daemon(start=False) as d:
        d.milter["control_socket"] = ""
        d.configure()
        d.process = d.spawn()
        d.logged("serving unix:")
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body


def test_missing_directory_of_the_control_socket_names_the_command():
    with Daemon(start=False) as d:
        d.milter["control_socket"] = d.directory + "/not-there/control.sock"
        d.configure()
        process = d.spawn()
        assert process.wait(PATIENCE) == 69
        assert f"install -d -o {d.user} -g {d.group} -m 0755 {d.directory}/not-there" in d.log(), d.log()
        assert not os.path.exists(d.socket), "the socket of a daemon that did not start"
