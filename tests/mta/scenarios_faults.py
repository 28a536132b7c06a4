"""What every MTA has to do when something breaks: a milter that is away or dies, a
client that vanishes, a crowd.  Importing this registers the tests."""
import os
import re
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import smtp  # noqa: E402
from gateway import wait_for  # noqa: E402
from mail_site import LOGINS, OUTSIDE, RULES, SETTINGS, expect_signed  # noqa: E402
from suite import has, same, test  # noqa: E402


@test
def the_mta_reloads_and_restarts_around_the_daemon(site):
    for action in (site.mta.reload, site.mta.restart):
        action()
        mark, message = site.message()
        site.submit(message)
        expect_signed(site, message, site.sink.wait(mark).message)


@test
def a_daemon_that_is_not_there_is_a_temporary_failure(site):
    site.gateway.stop()
    try:
        mark, message = site.message()
        reply = site.refused(site.submit, message)
        same(reply.code // 100, 4, "class of " + reply.text)
        has(site.refused(site.receive, message).text, site.mta.away)
        assert not site.sink.found(mark)
    finally:
        site.gateway.start()
    site.submit(message)
    expect_signed(site, message, site.sink.wait(mark).message)


@test
def a_daemon_killed_in_the_middle_of_a_message_is_a_temporary_failure(site):
    mark, message = site.message()
    message += (b"z" * 98 + b"\r\n") * 5000
    try:
        with smtp.Client(site.mta.submission, ("alice@example.org", LOGINS["alice"])) as client:
            client.envelope("alice@example.org", [OUTSIDE])
            octets_to_send = smtp.stuffed(message)
            client.data(octets_to_send[:200_000])
            time.sleep(0.3)
            site.gateway.kill()
            client.data(octets_to_send[200_000:])
            reply = site.refused(client.end)
        has(reply.text, site.mta.away)
    finally:
        site.gateway.start()
    assert not site.sink.found(mark)
    same(site.mta.queue(), [], "queue")


@test
def a_daemon_killed_at_any_moment_never_leaves_half_a_message(site):
    """The kill falls somewhere between the final dot and the answer."""
    outcomes = []
    for delay in (0.0, 0.002, 0.004, 0.008, 0.012, 0.016, 0.024, 0.032):
        mark, message = site.message()
        message += (b"z" * 98 + b"\r\n") * 10000
        with smtp.Client(site.mta.submission, ("alice@example.org", LOGINS["alice"])) as client:
            client.envelope("alice@example.org", [OUTSIDE])
            client.data(smtp.stuffed(message))
            killer = threading.Timer(delay, site.gateway.kill)
            killer.start()
            try:
                client.end()
                outcomes.append("accepted")
            except smtp.Refused as why:
                has(why.text, site.mta.away)
                outcomes.append("refused")
            killer.join()
        site.gateway.kill()
        site.gateway.start()
        if outcomes[-1] == "accepted":
            expect_signed(site, message, site.sink.wait(mark).message)
        else:
            assert not site.sink.found(mark), "delivered although it was refused"
    same(site.mta.corrupt(), [], "corrupt queue files")


@test
def a_client_that_vanishes_in_the_middle_leaves_nothing_behind(site):
    mark, message = site.message()
    with smtp.Client(site.mta.submission, ("alice@example.org", LOGINS["alice"])) as client:
        client.envelope("alice@example.org", [OUTSIDE])
        client.data(message)
    wait_for(lambda: re.search(r"^messages: 0$", site.gateway.ask("status") or "", re.MULTILINE), "no message in work")
    assert not site.sink.found(mark)
    mark, message = site.message()
    site.submit(message)
    expect_signed(site, message, site.sink.wait(mark).message)


@test
def a_broken_configuration_leaves_the_old_one_in_force(site):
    site.gateway.configure(RULES + "\n[rule oops]\nrecipents = x\n", SETTINGS)
    try:
        has(site.gateway.ask("reload"), "error:", "recipents")
        mark, message = site.message()
        site.submit(message)
        expect_signed(site, message, site.sink.wait(mark).message)
    finally:
        site.gateway.reload(RULES, SETTINGS)


@test
def messages_of_many_clients_at_once_are_all_signed(site):
    marks, problems = [], []

    def one(mark, message):
        try:
            site.submit(message)
            expect_signed(site, message, site.sink.wait(mark).message)
        except Exception as why:  # told by the main thread
            problems.append(why)

    threads = []
    for _ in range(12):
        mark, message = site.message()
        marks.append(mark)
        threads.append(threading.Thread(target=one, args=(mark, message)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    same([len(site.sink.found(mark)) for mark in marks], [1] * len(marks), "deliveries of each")
