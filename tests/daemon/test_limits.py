"""Octets in flight and crypto slots: what does not fit is told to come again."""
import threading

import samples
from harness import Daemon
from milter_client import split
from test_messages import SHOP, talk


def begin(d, octets):
    c = talk(d, SHOP)
    c.mail("<alice@example.org>")
    c.rcpt("<bob@partner.example>")
    for name, value in split(samples.PLAIN)[0]:
        c.header(name, value)
    assert c.end_of_header().code == "c"
    c.body(samples.text_of(octets))
    return c


def test_over_the_cap_is_451_and_recovers():
    with Daemon(milter={"max_in_flight": "2M"}) as d:
        holder = begin(d, 1_500_000)
        d.holds(1_500_000)
        late = begin(d, 1_000_000)
        result = late.end_of_message()
        assert result.code == "y" and result.reply.text.startswith("451 4.3.2 "), result
        d.logged(r"4TestId: action=tempfail .*reason=\"too much mail in flight \(max_in_flight\)\" sender=<alice@example.org> client=192")
        assert d.status()["in_flight"].split()[0] < "2", d.status()
        # Small mail still passes, and the large one does once there is room.
        small = begin(d, 1000)
        assert small.end_of_message().body
        assert holder.end_of_message().body
        assert late.message(samples.with_body(samples.text_of(1_000_000))).body
        for c in (holder, late, small):
            c.close()
        d.settled()


def test_refused_message_gives_its_memory_back_at_once():
    with Daemon(milter={"max_in_flight": "2M"}) as d:
        holder = begin(d, 1_000_000)
        d.holds(1_000_000)
        refused = begin(d, 3_000_000)  # hangs there, its end never comes
        third = begin(d, 300_000)
        assert third.end_of_message().body
        assert holder.end_of_message().body
        for c in (holder, refused, third):
            c.close()
        d.settled()


def test_message_that_is_alone_passes_whatever_the_cap():
    with Daemon(milter={"max_in_flight": "1M"}) as d:
        c = begin(d, 2_000_000)
        result = c.end_of_message()
        assert result.body, result
        c.close()
        d.settled()


def test_hung_clients_that_hold_the_cap_free_it_when_they_go():
    with Daemon(milter={"max_in_flight": "2M"}) as d:
        hung = [begin(d, 600_000) for _ in range(3)]
        d.holds(3 * 600_000)
        late = begin(d, 600_000)
        assert late.end_of_message().code == "y"
        for c in hung:
            c.close()
        d.settled()
        assert late.message(samples.with_body(samples.text_of(600_000))).body
        late.close()


def test_messages_that_together_hold_the_cap_do_not_wait_for_one_another():
    with Daemon(milter={"max_in_flight": "2M"}) as d:
        both = [begin(d, 950_000) for _ in range(2)]
        d.holds(2 * 950_000)
        results = []
        threads = [threading.Thread(target=lambda c=c: results.append(c.end_of_message())) for c in both]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert all(r.body for r in results), results
        for c in both:
            c.close()
        d.settled()


def test_more_messages_than_crypto_slots_all_get_through():
    with Daemon(milter={"crypto_slots": "1"}) as d:
        results = []

        def one():
            c = talk(d, SHOP)
            results.append(c.message(samples.with_body(samples.text_of(100_000))))
            c.close()

        threads = [threading.Thread(target=one) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(results) == 20 and all(r.body for r in results), results
        d.settled()
        assert d.status()["crypto_slots"] == "0 of 1", d.status()
