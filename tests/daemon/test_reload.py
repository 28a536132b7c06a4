"""HUP, USR1 and the control socket load the configuration anew; a bad one changes nothing."""
import os
import signal
import socket
import time

import samples
from harness import RULES, Daemon, wait_for
from milter_client import split
from test_messages import SHOP, talk

OTHER = "192.0.2.77"


def test_reload_brings_new_rules_to_open_connections():
    with Daemon() as d, talk(d, OTHER) as c:
        assert c.message(samples.PLAIN).body is None
        d.configure(rules=RULES.replace(SHOP, OTHER))
        assert d.ask("reload").startswith("ok: configuration loaded\n")
        assert c.message(samples.PLAIN).body


def test_hup_and_usr1_reload():
    with Daemon() as d, talk(d, OTHER) as c:
        for number, name in ((signal.SIGHUP, OTHER), (signal.SIGUSR1, SHOP)):
            d.configure(rules=RULES.replace(SHOP, name))
            before = d.log().count("configuration loaded")
            d.signal(number)
            wait_for(lambda: d.log().count("configuration loaded") > before, "the reload")
            assert bool(c.message(samples.PLAIN).body) == (name == OTHER)


def test_survives_many_signals_in_any_mixture():
    with Daemon() as d:
        for number in (signal.SIGHUP,) * 3:
            before = d.log().count("configuration loaded")
            d.signal(number)
            wait_for(lambda: d.log().count("configuration loaded") > before, "the reload")
        for _ in range(200):
            d.signal(signal.SIGUSR1)
            d.signal(signal.SIGHUP)
        time.sleep(0.2)
        assert d.alive() and d.ask("ping") == "ok: pong\n"
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body
        assert "may take SIGHUP" not in d.log()


def test_broken_configuration_leaves_the_old_one_in_force():
    with Daemon() as d, talk(d, SHOP) as c:
        d.configure(raw="[milter]\nnonsense\n[rule x]\nsgn = clear\n")
        d.signal(signal.SIGHUP)
        d.logged("the one from before stays in force")
        assert f"{d.config}:2: error:" in d.log() and f"{d.config}:4: error:" in d.log(), d.log()
        answer = d.ask("reload")
        assert answer.startswith("error: ") and f"{d.config}:2: error:" in answer, answer
        assert d.status()["reload"].endswith(" failed")
        assert c.message(samples.PLAIN).body
        d.configure()
        assert d.ask("reload").startswith("ok")
        assert d.status()["reload"].endswith(" ok")


def test_configuration_that_vanished_leaves_the_old_one_in_force():
    with Daemon() as d, talk(d, SHOP) as c:
        os.unlink(d.config)
        assert d.ask("reload").startswith("error: ")
        assert c.message(samples.PLAIN).body


def test_reload_that_would_lose_all_keys_or_all_anchors_is_refused():
    for folder, lack in (("keys", "no key could be loaded"), ("trust", "no trust anchor could be loaded")):
        with Daemon() as d, talk(d, SHOP) as c:
            directory = os.path.join(d.directory, folder)
            os.rename(directory, directory + ".away")
            os.mkdir(directory)
            d.own()
            d.configure(rules=RULES.replace(SHOP, OTHER))
            answer = d.ask("reload")
            assert answer.startswith("error: ") and lack in answer, answer
            assert "the one from before stays in force" in answer, answer
            assert d.status()["reload"].endswith(" failed") and d.status()["keys"] == "1", d.status()
            assert c.message(samples.PLAIN).body, "the old rules and the old key"
            # With the will of the administrator, who says so in the configuration.
            d.material = d.material.replace("path = ", "#path = ").replace("password = ", "#password = ").replace(
                "anchors = ", "#anchors = ")
            d.configure(rules=RULES.replace(SHOP, OTHER))
            assert d.ask("reload").startswith("ok: "), d.log()


def test_a_daemon_without_its_keys_starts_says_so_and_takes_them_later():
    with Daemon(start=False) as d:
        keys = os.path.join(d.directory, "keys")
        os.rename(keys, keys + ".away")
        os.mkdir(keys)
        d.own()
        d.start()
        assert "error: rules ask for signatures, but no key could be loaded" in d.log(), d.log()
        os.rmdir(keys)
        os.rename(keys + ".away", keys)
        assert d.ask("reload").startswith("ok: ")
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body


def test_message_keeps_the_rules_it_began_with():
    with Daemon() as d, talk(d, SHOP) as c:
        c.mail("<alice@example.org>")
        c.rcpt("<bob@partner.example>")
        # No reply is agreed on for these steps: the daemon may still have them before it.
        wait_for(lambda: d.status().get("messages") == "1", "the message to begin")
        d.configure(rules=RULES.replace(SHOP, OTHER))
        assert d.ask("reload").startswith("ok")
        fields, body = split(samples.PLAIN)
        for name, value in fields:
            c.header(name, value)
        assert c.end_of_header().code == "c"
        c.body(body)
        assert c.end_of_message().body
        assert c.message(samples.PLAIN).body is None


def test_what_needs_a_restart_is_said():
    with Daemon() as d:
        d.milter["socket"] = "unix:" + d.directory + "/s/other.sock"
        d.configure()
        answer = d.ask("reload")
        assert "socket has changed: this takes effect after a restart" in answer, answer
        assert not os.path.exists(d.directory + "/s/other.sock")


def test_reload_changes_limits():
    with Daemon() as d:
        d.milter["crypto_slots"] = "7"
        d.milter["max_in_flight"] = "5M"
        d.configure()
        assert d.ask("reload").startswith("ok")
        status = d.status()
        assert status["crypto_slots"] == "0 of 7" and status["in_flight"] == "0 of 5242880", status


def test_manager_is_told():
    with Daemon(start=False) as d:
        path = os.path.join(d.directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            os.chmod(path, 0o777)
            manager.settimeout(60)
            d.start(env={"NOTIFY_SOCKET": path})
            assert manager.recv(1000).startswith(b"READY=1\n")
            d.signal(signal.SIGHUP)
            assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert manager.recv(1000).startswith(b"STATUS=serving ")
            assert manager.recv(1000) == b"READY=1"
            d.configure(rules="[rule all]\nverify = yes\n")
            assert d.ask("reload").startswith("ok")
            assert b", 1 rule, 1 key" in manager.recv(1000), "whoever has asked for it"
            d.configure(rules="[rule all]\nverify = perhaps\n")
            assert d.ask("reload").startswith("error")
            assert manager.recv(1000).endswith(b", 1 rule, 1 key; the new configuration has mistakes, this one is from before")
            d.stop()
            assert manager.recv(1000).startswith(b"STOPPING=1\n")
