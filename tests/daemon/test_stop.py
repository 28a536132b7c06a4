"""TERM: what is in flight gets its answer, and an idle daemon is gone at once."""
import os
import signal
import threading
import time

import samples
from harness import Daemon, wait_for
from milter_client import Gone, MilterClient, split
from test_messages import SHOP, talk


def half_a_message(d):
    c = talk(d, SHOP)
    c.mail("<alice@example.org>")
    c.rcpt("<bob@partner.example>")
    for name, value in split(samples.PLAIN)[0]:
        c.header(name, value)
    assert c.end_of_header().code == "c"
    c.body(b"the first half\r\n")
    return c


def test_idle_daemon_stops_at_once():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Daemon() as d, talk(d):
            began = time.monotonic()
            d.signal(number)
            assert d.wait() == 0
            # libmilter alone takes up to five seconds.
            assert time.monotonic() - began < 3, time.monotonic() - began
            assert not os.path.exists(d.socket) and not os.path.exists(d.control)


def test_message_in_flight_gets_its_answer():
    with Daemon() as d:
        c = half_a_message(d)
        d.signal(signal.SIGTERM)
        d.logged("stopping, 1 messages in flight")
        time.sleep(0.3)
        assert d.alive()
        c.body(b"the second half\r\n")
        result = c.end_of_message()
        assert result.code in "ac" and b"the second half" in result.body, result
        assert d.wait() == 0
        c.close()


def test_no_new_message_is_taken_while_stopping():
    with Daemon() as d:
        open_connection = talk(d, SHOP)
        c = half_a_message(d)
        d.signal(signal.SIGTERM)
        d.logged("stopping")
        result = open_connection.message(samples.PLAIN)
        assert result.stage == "eoh" and result.reply.text.startswith("451 4.3.2 "), result
        try:
            with MilterClient(d.socket) as newcomer:
                newcomer.negotiate()
            raise AssertionError("a new connection was taken")
        except (Gone, ConnectionError, FileNotFoundError):
            pass
        assert c.end_of_message().body
        assert d.wait() == 0
        c.close()
        open_connection.close()


def test_message_that_never_ends_is_cut_off_after_drain_seconds():
    with Daemon(milter={"drain_seconds": "1"}) as d:
        c = half_a_message(d)
        d.signal(signal.SIGTERM)
        assert d.wait(30) == 0
        assert "1 message was cut off; its sender will try again" in d.log(), d.log()
        c.close()


def test_second_term_does_not_wait():
    with Daemon() as d:
        c = half_a_message(d)
        d.signal(signal.SIGTERM)
        d.logged("stopping")
        d.signal(signal.SIGTERM)
        assert d.wait(20) == 0
        c.close()


def test_client_that_only_said_rcpt_does_not_hold_the_stop_up():
    with Daemon() as d, talk(d, SHOP) as c:
        c.mail()
        c.rcpt()
        wait_for(lambda: d.status()["messages"] == "1", "MAIL to arrive")
        began = time.monotonic()
        d.signal(signal.SIGTERM)
        assert d.wait() == 0
        assert time.monotonic() - began < 3


def test_nobody_is_left_without_an_answer_under_load():
    """Each message gets a whole answer or the connection ends; none is half edited and accepted."""
    with Daemon() as d:
        finished, stop = [], threading.Event()

        def work():
            while not stop.is_set():
                try:
                    with talk(d, SHOP) as c:
                        for _ in range(5):
                            result = c.message(samples.PLAIN)
                            finished.append(result)
                except (Gone, ConnectionError, FileNotFoundError):
                    if stop.wait(0.01):
                        return

        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        wait_for(lambda: len(finished) > 20, "some messages")
        d.signal(signal.SIGTERM)
        status = d.wait()
        stop.set()
        for t in threads:
            t.join()
        assert status == 0
        for result in finished:
            accepted = result.code in "ac" and result.body and b"smime.p7s" in result.body
            assert accepted or result.reply.text.startswith("451 "), result
