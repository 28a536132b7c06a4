"""One instance a socket, and a socket that outlived its daemon."""
import os
import signal

import samples
from harness import PATIENCE, Daemon
from milter_client import Gone, split
from test_messages import SHOP, talk


def test_second_instance_is_refused_and_the_first_goes_on():
    with Daemon() as d:
        log = os.path.join(d.directory, "log2")
        second = d.spawn(log_file=log)
        assert second.wait(PATIENCE) == 75
        with open(log, encoding="utf-8") as f:
            text = f.read()
        assert f"pid {d.process.pid}" in text and "is serving this socket" in text, text
        assert os.path.exists(d.socket)
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body


def test_second_instance_with_a_socket_of_its_own_does_not_take_the_control_socket():
    with Daemon() as d:
        d.milter["socket"] = "unix:" + d.directory + "/s/other.sock"
        d.configure()
        second = d.spawn(log_file=os.path.join(d.directory, "log2"))
        assert second.wait(PATIENCE) == 75
        assert d.ask("ping") == "ok: pong\n"


def test_killed_daemon_leaves_a_socket_that_the_next_one_takes_over():
    with Daemon() as d:
        c = talk(d, SHOP)
        c.mail("<alice@example.org>")
        c.rcpt("<bob@partner.example>")
        for name, value in split(samples.PLAIN)[0]:
            c.header(name, value)
        assert c.end_of_header().code == "c"
        c.body(samples.text_of(100_000))
        d.signal(signal.SIGKILL)
        d.wait()
        try:
            c.end_of_message()
            raise AssertionError("an answer from the dead")
        except (Gone, ConnectionError):
            pass
        assert os.path.exists(d.socket) and os.path.exists(d.control)
        d.start()
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body


def test_restart_follows_a_stop():
    with Daemon() as d:
        for _ in range(3):
            d.stop()
            d.start()
            with talk(d, SHOP) as c:
                assert c.message(samples.PLAIN).body


def test_file_that_is_no_socket_is_left_alone():
    with Daemon(start=False) as d:
        for path in (d.socket, d.control):
            with open(path, "w", encoding="ascii") as f:
                f.write("precious")
            d.own()
            process = d.spawn()
            assert process.wait(PATIENCE) == 69, process.returncode
            with open(path, encoding="ascii") as f:
                assert f.read() == "precious"
            os.unlink(path)
