"""One message at a time: octets, decisions, edits."""
import base64
import os
import re
import shutil
import subprocess
import tempfile

import harness
import samples
from harness import Daemon, GOLDEN
from milter_client import MilterClient, after, split

SHOP = "192.0.2.10"  # the rule "shop" signs for it


def talk(d, address="192.0.2.1", **connect):
    client = MilterClient(d.socket).negotiate()
    client.connect(address=address, **connect)
    return client


def openssl_verifies(wire):
    """Octets cut out here, not by a MIME library."""
    if not shutil.which("openssl"):
        raise harness.Skipped("no openssl")
    with tempfile.TemporaryDirectory() as directory:
        names = [os.path.join(directory, name) for name in ("content", "signature")]
        for name, octets in zip(names, (samples.signed_part(wire), samples.signature(wire))):
            with open(name, "wb") as f:
                f.write(octets)
        result = subprocess.run(["openssl", "cms", "-verify", "-binary", "-content", names[0], "-inform", "DER",
                                 "-in", names[1], "-CAfile", os.path.join(GOLDEN, "pki", "ca.crt")],
                                capture_output=True, timeout=60, check=False)
        assert result.returncode == 0, result.stderr.decode()
        assert result.stdout == samples.signed_part(wire)


def test_mail_that_no_rule_wants_is_accepted_before_its_body():
    with Daemon(rules="\n[rule shop]\nclient = 192.0.2.10\nsign = clear\n") as d, talk(d) as c:
        result = c.message(samples.PLAIN)
        assert (result.stage, result.code) == ("eoh", "a"), result
        d.logged(r"4TestId: action=none.* ms=\d+")


def test_unsigned_mail_is_accepted_before_its_body_where_only_verification_is_wanted():
    with Daemon() as d, talk(d) as c:
        result = c.message(samples.PLAIN)
        assert (result.stage, result.code) == ("eoh", "a"), result


def test_forged_results_go_without_a_look_at_the_body():
    forged = (b"Authentication-Results: mx.example.org; smime=pass\r\n"
              b"Authentication-Results: other.example; spf=pass\r\n"
              b"Authentication-Results: mx.example.org; smime=pass body.smime-identifier=x@y\r\n")
    with Daemon() as d, talk(d) as c:
        wire = forged + samples.PLAIN
        result = c.message(wire)
        assert result.stage == "eom" and result.code in "ac" and result.body is None, result
        removals = [e for e in result.edits if e[0] == "m" and e[3] == ""]
        indices = [e[1] for e in removals]
        assert len(indices) == 2 and indices == sorted(indices, reverse=True), result
        assert after(wire, result) == forged.split(b"\r\n")[1] + b"\r\n" + samples.PLAIN


def test_signs_and_the_content_is_what_came_in():
    with Daemon() as d, talk(d, SHOP) as c:
        result = c.message(samples.PLAIN)
        assert result.code in "ac" and result.body, result
        wire = after(samples.PLAIN, result)
        fields = dict((n.lower(), v) for n, v in split(wire)[0])
        assert fields[b"content-type"].lstrip().startswith(b"multipart/signed"), fields
        assert fields[b"subject"] == b" a greeting" and fields[b"mime-version"].strip() == b"1.0", fields
        part = samples.signed_part(wire)
        assert part.startswith(b"Content-Type: text/plain; charset=us-ascii\r\n"), part
        assert part.endswith(b"\r\n\r\nHello Bob,\r\nthis is Alice.\r\n"), part
        openssl_verifies(wire)
        d.logged(r"4TestId: action=sign rule=shop status=ok.*from=<alice@example\.org>.* ms=\d+")


def test_chunks_of_any_size_make_the_same_message():
    body = samples.text_of(20000)
    wire = samples.with_body(body)
    parts = set()
    with Daemon() as d, talk(d, SHOP) as c:
        for chunk in (1, 7, 65535):
            result = c.message(wire, chunk=chunk)
            assert result.code in "ac" and result.body, result
            signed = after(wire, result)
            parts.add(samples.signed_part(signed))
            openssl_verifies(signed)
    assert len(parts) == 1 and parts.pop().endswith(b"\r\n\r\n" + body)


def test_chunks_of_any_size_give_the_same_verdict():
    outcomes = set()
    with Daemon() as d, talk(d, "203.0.113.9") as c:
        for case in ("verify-pass-clear", "verify-tampered-marked"):
            wire = samples.golden(case)
            for chunk in (1, 7, 65535):
                result = c.message(wire, sender="<bob@partner.example>", chunk=chunk)
                assert result.code in "ac" and result.body is None, result
                outcomes.add((case, repr(result.edits)))
    assert len(outcomes) == 2, outcomes
    assert any("smime=pass" in o[1] for o in outcomes) and any("smime=fail" in o[1] for o in outcomes), outcomes


def test_results_are_inserted_on_top_with_their_leading_blank():
    with Daemon() as d, talk(d, "203.0.113.9") as c:
        result = c.message(samples.golden("verify-pass-clear"), sender="<bob@partner.example>")
        assert [e[:3] for e in result.edits if e[0] == "i"] == [("i", 0, "Authentication-Results")], result
        value = result.inserted("Authentication-Results")[0]
        assert value.startswith(" mx.example.org;") and "smime=pass" in value, result
        assert "\r" not in value


def test_strips_and_the_content_is_what_was_signed():
    rules = "\n[rule in]\ndirection = incoming\nverify = yes\nstrip = valid\n"
    wire = samples.golden("strip-clear")
    with Daemon(rules=rules) as d, talk(d, "203.0.113.9") as c:
        result = c.message(wire, sender="<bob@partner.example>", recipients=("<alice@example.org>",))
        assert result.code in "ac" and result.body, result
        stripped = after(wire, result)
        assert b"multipart/signed" not in stripped, stripped
        content = samples.signed_part(wire).partition(b"\r\n\r\n")[2]
        assert result.body.rstrip(b"\r\n") == content.rstrip(b"\r\n"), result.body


def test_tampered_mail_is_rejected_with_its_text():
    rules = "\n[rule in]\ndirection = incoming\nverify = yes\non_invalid = reject\n"
    with Daemon(rules=rules) as d, talk(d, "203.0.113.9") as c:
        result = c.message(samples.golden("verify-tampered-rejected"), sender="<bob@partner.example>")
        assert result.code == "y" and re.match(r"5\d\d 5\.\d+\.\d+ \S", result.reply.text), result
        assert not result.edits and result.body is None
        # The next message on the connection knows nothing of it.
        assert c.message(samples.PLAIN).code in "ac"


def test_tampered_mail_is_put_on_hold():
    rules = "\n[rule in]\ndirection = incoming\nverify = yes\non_invalid = quarantine\n"
    with Daemon(rules=rules) as d, talk(d, "203.0.113.9") as c:
        result = c.message(samples.golden("verify-tampered-quarantined"), sender="<bob@partner.example>")
        assert result.code in "ac" and [e for e in result.edits if e[0] == "q"], result


def test_field_of_100_kb_arrives_whole():
    value = b" " + b"\n ".join(b"word%d" % i for i in range(14000))
    assert len(value) > 100_000
    with Daemon() as d, talk(d, SHOP) as c:
        c.mail("<alice@example.org>")
        c.rcpt("<bob@partner.example>")
        for name, v in split(samples.PLAIN)[0]:
            c.header(name, v)
        c.header("Content-Description", value)
        assert c.end_of_header().code == "c"
        c.body(split(samples.PLAIN)[1])
        result = c.end_of_message()
        assert result.code in "ac" and result.body, result
        # Content-* moves into the signed part: there it can be seen.
        moved = b"Content-Description:" + value.replace(b"\n", b"\r\n") + b"\r\n"
        assert moved in result.body, result.body[:300]


def test_message_without_a_body_is_signed():
    wire = samples.PLAIN.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    with Daemon() as d, talk(d, SHOP) as c:
        result = c.message(wire)
        assert result.code in "ac", result
        assert result.body
        openssl_verifies(after(wire, result))


def test_eight_bit_and_nul_octets_are_encoded_and_not_one_is_lost():
    body = bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n"
    with Daemon() as d, talk(d, SHOP) as c:
        result = c.message(samples.with_body(body))
        assert result.code in "ac" and result.body, result
        encoded = re.search(rb"Content-Transfer-Encoding: base64\r\n\r\n([A-Za-z0-9+/=\r\n]*?)\r\n--", result.body)
        assert encoded and base64.b64decode(encoded[1]) == body, result.body
        d.logged(r"4TestId: action=sign .*encoded=1")
    # Who may not be signed for: not one octet changes.
    with Daemon() as d, talk(d) as c:
        result = c.message(samples.with_body(body))
        assert result.code in "ac" and result.body is None, result


def test_login_signs_for_itself_and_for_nobody_else():
    rules = "\n[rule staff]\nsender = *@example.org\nsign = clear\n"
    with Daemon(rules=rules) as d, talk(d) as c:
        result = c.message(samples.PLAIN, sender="<alice@example.org>", login="alice@example.org")
        assert result.body, result
        result = c.message(samples.PLAIN, sender="<alice@example.org>", login="bob@example.org", queue_id="4Bob")
        assert result.code in "ac" and result.body is None, result
        assert "reason=" in d.logged(r"4Bob: .*").group(0)
        # MAIL FROM proves nothing.
        result = c.message(samples.PLAIN, sender="<alice@example.org>")
        assert result.code in "ac" and result.body is None, result


def test_mail_that_did_not_come_by_smtp_has_no_angle_brackets():
    """Postfix, non_smtpd_milters: localhost, bare addresses, an empty null sender."""
    rules = ("\n[rule local]\nclient = 127.0.0.1\nmail_from = alice@example.org\nsign = clear\n"
             "\n[rule bounce]\nclient = 127.0.0.1\nrecipient = bob@partner.example\nsign = no\n")
    with Daemon() as d:
        d.configure(rules="\n[rule local]\nclient = 127.0.0.1\nrecipient = bob@partner.example\nsign = clear\n")
        assert d.ask("reload").startswith("ok"), rules
        with talk(d, "127.0.0.1", host="localhost") as c:
            result = c.message(samples.PLAIN, sender="alice@example.org", recipients=("bob@partner.example",))
            assert result.body, result
            result = c.message(samples.PLAIN, sender="alice@example.org", recipients=("<bob@partner.example>",))
            assert result.body, result
            result = c.message(samples.PLAIN, sender="", recipients=("bob@partner.example",))
            assert result.code in "ac", result
        d.logged(r"to=<bob@partner\.example>")


def test_message_over_the_limit_passes_with_its_reason():
    forged = b"Authentication-Results: mx.example.org; smime=pass\r\n"
    with Daemon(milter={"max_message_size": "100K"}) as d, talk(d, SHOP) as c:
        wire = forged + samples.with_body(samples.text_of(300_000))
        result = c.message(wire)
        assert result.stage == "eom" and result.code in "ac" and result.body is None, result
        assert [e[:3] for e in result.edits] == [("m", 1, "Authentication-Results")], result
        d.logged(r"4TestId: .*reason=\"larger than max_message_size")
        # The header is not what makes it too large, and the next one is small again.
        assert c.message(samples.PLAIN).body
        d.settled()


def test_message_over_the_limit_that_must_be_signed_is_refused():
    rules = "\n[rule shop]\nclient = 192.0.2.10\nsign = clear\nsign_required = yes\n"
    with Daemon(rules=rules, milter={"max_message_size": "100K"}) as d, talk(d, SHOP) as c:
        result = c.message(samples.with_body(samples.text_of(300_000)))
        assert result.code == "y" and result.reply.text.startswith("552 5.3.4 "), result
        assert c.message(samples.PLAIN).body


def test_log_line_cannot_be_forged_by_a_header():
    wire = samples.PLAIN.replace(b"<1@example.org>", b"<x>\x1b[2J 4Evil: action=sign\x07")
    with Daemon() as d, talk(d, SHOP) as c:
        c.message(wire, queue_id="4Ho\nnest")
        d.logged("4Ho")
        assert "\x1b" not in d.log() and "\x07" not in d.log()
        assert not re.search(r"^(?!smime-milter: ).*action=", d.log(), re.M), d.log()
