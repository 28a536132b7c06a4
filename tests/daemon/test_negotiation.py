"""What the daemon asks of the MTA, and what it does with less."""
import samples
from harness import Daemon
from milter_client import (ACTIONS_ALL, ADDHDRS, CHGBODY, CHGFROM, CHGHDRS, DELRCPT, HDR_LEADSPC, NODATA, NOHELO,
                           NOUNKNOWN, NR_BODY, NR_CONN, NR_EOH, NR_HDR, NR_MAIL, NR_RCPT, QUARANTINE, SETSYMLIST, SKIP, Gone,
                           MilterClient, after)

NEEDED = ADDHDRS | CHGHDRS | CHGBODY


def test_asks_for_its_actions_and_for_silent_steps():
    with Daemon() as d, MilterClient(d.socket) as c:
        c.negotiate()
        assert c.version == 6
        assert c.actions & ~SETSYMLIST == NEEDED | QUARANTINE | DELRCPT | CHGFROM, hex(c.actions)
        silent = NR_CONN | NR_MAIL | NR_RCPT | NR_HDR | NR_BODY
        assert c.protocol == silent | HDR_LEADSPC | NOHELO | NOUNKNOWN | NODATA, hex(c.protocol)
        assert not c.protocol & NR_EOH


def test_asks_for_the_macros_that_decide():
    with Daemon() as d, MilterClient(d.socket) as c:
        c.negotiate()
        assert {"j", "{daemon_name}", "{client_addr}"} <= set(c.symbols[0].split()), c.symbols
        assert {"{auth_type}", "{auth_authen}"} <= set(c.symbols[2].split()), c.symbols
        assert "i" in c.symbols[6].split() and "i" in c.symbols[5].split(), c.symbols


def test_takes_only_what_is_offered():
    with Daemon() as d, MilterClient(d.socket) as c:
        c.negotiate(actions=NEEDED, protocol=0x7F)
        assert c.actions == NEEDED, hex(c.actions)
        assert c.protocol & ~0x7F == 0 and not c.symbols, (hex(c.protocol), c.symbols)


def test_refuses_an_mta_that_cannot_replace_bodies():
    with Daemon() as d:
        for missing in (CHGBODY, ADDHDRS, CHGHDRS):
            with MilterClient(d.socket) as c:
                try:
                    c.negotiate(actions=ACTIONS_ALL & ~missing)
                    raise AssertionError("negotiated without what it needs")
                except Gone:
                    pass
        d.logged("the MTA does not let us")


def test_old_mta_gets_an_answer_to_each_step_and_the_same_message():
    """No NR_*, no LEADSPC: Sendmail 8.13 and the like."""
    with Daemon() as d, MilterClient(d.socket) as new, MilterClient(d.socket) as old:
        new.negotiate()
        old.negotiate(protocol=0x7F, actions=0x3F)
        assert not old.protocol & (HDR_LEADSPC | NR_BODY)
        parts = []
        for client in (new, old):
            assert client.connect(address="192.0.2.10").code == "c"
            result = client.message(samples.PLAIN)
            assert result.code in "ac" and result.body, result
            if client is old:
                # This MTA puts the blank behind the colon itself.
                result.edits = [(c, i, n, " " + v if v else v) for c, i, n, v in result.edits]
            wire = after(samples.PLAIN, result)
            assert b"Content-Type: multipart/signed" in wire, wire
            parts.append(samples.signed_part(wire))
        assert parts[0] == parts[1], parts


def test_skip_is_not_asked_for():
    """It would be the answer to a body chunk, and we asked the MTA not to wait for those."""
    with Daemon() as d, MilterClient(d.socket) as c:
        c.negotiate()
        assert not c.protocol & SKIP
