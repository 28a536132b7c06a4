"""What survives from one message to the next: nothing; and connections in odd states."""
import os

import samples
from harness import Daemon
from milter_client import MilterClient, split
from test_messages import SHOP, talk


def test_many_messages_pass_over_one_connection():
    with Daemon() as d, talk(d, SHOP) as c:
        for number in range(10):
            result = c.message(samples.PLAIN.replace(b"a greeting", b"number %d" % number), queue_id=f"4N{number}")
            assert result.body, result
        for number in range(10):
            d.logged(rf"4N{number}: action=sign")
        d.settled()


def test_recipients_do_not_leak_into_the_next_message():
    rules = "\n[rule one]\nclient = 192.0.2.10\nrecipient = signed@partner.example\nsign = clear\n"
    with Daemon(rules=rules) as d, talk(d, SHOP) as c:
        assert c.message(samples.PLAIN, recipients=("<signed@partner.example>",)).body
        result = c.message(samples.PLAIN, recipients=("<other@partner.example>",))
        assert result.body is None and result.code in "ac", result


def test_login_does_not_leak_into_the_next_client():
    """QUIT_NC: another SMTP client over the same milter connection."""
    rules = "\n[rule staff]\nsender = *@example.org\nsign = clear\n"
    with Daemon(rules=rules) as d:
        with talk(d) as c:
            assert c.message(samples.PLAIN, login="alice@example.org").body
            c.send("K")
            c.connect(address="203.0.113.66")
            result = c.message(samples.PLAIN)
            assert result.body is None and result.code in "ac", result


def test_next_client_after_an_accepted_header_is_not_taken_for_the_one_before():
    """libmilter overlooks QUIT_NC and CONNECT there; the macros of the new client disagree."""
    rules = "\n[rule shop]\nclient = 192.0.2.10\nsender = alice@example.org\nsign = clear\n"
    with Daemon(rules=rules) as d, MilterClient(d.socket) as c:
        c.negotiate()
        c.connect(address=SHOP, macros={"j": "mx.example.org", "{client_addr}": SHOP})
        other = samples.PLAIN.replace(b"alice@example.org>\r\nTo", b"carol@example.org>\r\nTo")
        assert c.message(other).stage == "eoh"
        c.send("K")
        c.connect(address="203.0.113.66", macros={"j": "mx.example.org", "{client_addr}": "203.0.113.66"})
        result = c.message(samples.PLAIN)
        assert result.body is None and result.code in "ac", result


def test_abort_after_the_header_leaves_nothing_behind():
    with Daemon() as d, talk(d, SHOP) as c:
        c.mail("<ceo@example.org>")
        c.rcpt("<a@b.example>")
        c.header("Subject", " not this one")
        c.header("Content-Type", " application/x-not-this-one")
        c.abort()
        result = c.message(samples.PLAIN)
        assert result.body and b"not-this-one" not in result.body, result
        d.settled()


def test_abort_in_the_body_leaves_nothing_behind():
    with Daemon() as d, talk(d, SHOP) as c:
        for stage in range(3):
            c.mail()
            c.rcpt()
            for name, value in split(samples.PLAIN)[0]:
                c.header(name, value)
            if stage > 0:
                assert c.end_of_header().code == "c"
            if stage > 1:
                c.body(b"this must not be seen again\r\n" * 1000)
            c.abort()
        result = c.message(samples.PLAIN)
        assert result.body and b"seen again" not in result.body, result
        d.settled()


def test_new_mail_without_an_abort_starts_afresh():
    with Daemon() as d, talk(d, SHOP) as c:
        c.mail("<ceo@example.org>")
        c.rcpt("<a@b.example>")
        c.header("Content-Type", " application/x-not-this-one")
        assert b"not-this-one" not in c.message(samples.PLAIN).body


def test_mail_without_connect_has_no_client():
    with Daemon() as d, MilterClient(d.socket) as c:
        c.negotiate()
        result = c.message(samples.PLAIN)
        assert result.code in "ac" and result.body is None, result
        assert c.message(samples.PLAIN).code in "ac"


def test_mail_without_connect_after_another_client_left_has_no_client():
    with Daemon() as d, talk(d, SHOP) as c:
        assert c.message(samples.PLAIN).body
        c.send("K")
        result = c.message(samples.PLAIN)
        assert result.code in "ac" and result.body is None, result


def test_local_client_has_no_address_unless_the_macro_names_one():
    rules = "\n[rule shop]\nclient = 192.0.2.10\nsign = clear\n"
    with Daemon(rules=rules) as d:
        for family, macros, signs in (("U", {}, False), ("L", {}, False), ("U", {"{client_addr}": SHOP}, True),
                                      ("U", {"{client_addr}": "unknown"}, False),
                                      ("4", {"{client_addr}": SHOP}, False)):
            with MilterClient(d.socket) as c:
                c.negotiate()
                address = "/some/socket" if family == "L" else "203.0.113.9"
                c.connect(family=family, address=address, macros=macros)
                result = c.message(samples.PLAIN)
                assert bool(result.body) == signs, (family, macros, result)


def test_ipv6_client_is_known_by_its_address():
    rules = "\n[rule shop]\nclient = 2001:db8::10\nsign = clear\n"
    with Daemon(rules=rules) as d:
        for address, signs in (("2001:db8::10", True), ("2001:db8::11", False)):
            with talk(d, address, family="6") as c:
                assert bool(c.message(samples.PLAIN).body) == signs, address


def test_client_that_vanishes_mid_body_leaves_nothing_behind():
    with Daemon() as d:
        for stage in ("mail", "header", "body"):
            c = talk(d, SHOP)
            c.mail()
            c.rcpt()
            if stage != "mail":
                for name, value in split(samples.PLAIN)[0]:
                    c.header(name, value)
            if stage == "body":
                assert c.end_of_header().code == "c"
                c.body(samples.text_of(1_000_000))
            c.close()
        d.settled()
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body
        assert "status=ok" in d.log() and d.log().count("action=") == 1, d.log()


def test_mta_that_vanishes_while_the_answer_is_written_does_no_harm():
    with Daemon() as d:
        c = talk(d, SHOP)
        c.mail()
        c.rcpt()
        for name, value in split(samples.PLAIN)[0]:
            c.header(name, value)
        assert c.end_of_header().code == "c"
        c.body(samples.text_of(4_000_000))
        c.send("E")
        c.close()
        d.settled()
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body


def test_two_hundred_idle_connections_are_no_burden():
    with Daemon() as d:
        idle = [talk(d, SHOP) for _ in range(200)]
        try:
            assert d.status()["connections"] == "200", d.status()
            with talk(d, SHOP) as c:
                assert c.message(samples.PLAIN).body
            assert idle[0].message(samples.PLAIN).body
            assert idle[199].message(samples.PLAIN).body
            threads = len(os.listdir(f"/proc/{d.process.pid}/task"))
            assert threads < 40, threads
        finally:
            for c in idle:
                c.close()
