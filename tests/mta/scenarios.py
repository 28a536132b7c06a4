"""What every MTA has to do with us: signing, verifying, sizes.  Importing
this registers the tests; see tests/mta/postfix and tests/mta/sendmail."""
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import octets  # noqa: E402
import smtp  # noqa: E402
import verifiers  # noqa: E402
from mail_site import (LOGINS, OUTSIDE, expect_signed, expect_signed_and_encoded,  # noqa: E402
                             expect_untouched, results, tampered, without_trace)
from suite import has, same, test  # noqa: E402


# --- signing ---

@test
def what_alice_submits_is_delivered_signed_by_her(site):
    mark, message = site.message()
    queue_id = site.submit(message)
    expect_signed(site, message, site.sink.wait(mark).message)
    has(site.gateway.logged(queue_id), "action=sign", "rule=staff", "status=ok", "signer=<alice@example.org>",
        "digest=sha256")


@test
def alice_in_the_name_of_bob_goes_out_unsigned_with_the_reason(site):
    mark, message = site.message(sender="bob@example.org")
    queue_id = site.submit(message)
    expect_untouched(message, site.sink.wait(mark).message)
    line = site.gateway.logged(queue_id)
    has(line, "action=none", "alice@example.org may not sign as", "bob@example.org")


@test
def mail_from_in_the_name_of_another_does_not_help(site):
    mark, message = site.message(sender="bob@example.org")
    site.submit(message, mail_from="bob@example.org")
    expect_untouched(message, site.sink.wait(mark).message)


@test
def a_client_from_outside_never_gets_a_signature(site):
    mark, message = site.message(to="bob@example.org")
    queue_id = site.receive(message, mail_from="alice@example.org")
    expect_untouched(message, site.sink.wait(mark).message)
    assert "action=sign" not in site.gateway.logged(queue_id)


@test
def a_client_on_the_submission_port_without_a_login_never_gets_a_signature(site):
    mark, message = site.message(to="bob@example.org")
    with smtp.Client(site.mta.submission) as client:
        queue_id = smtp.queue_id(client.send("alice@example.org", ["bob@example.org"], message))
    expect_untouched(message, site.sink.wait(mark).message)
    assert "action=sign" not in site.gateway.logged(queue_id)


@test
def two_from_fields_are_not_signed(site):
    mark, message = site.message(extra="From: bob@example.org\n")
    queue_id = site.submit(message)
    expect_untouched(message, site.sink.wait(mark).message)
    has(site.gateway.logged(queue_id), "action=none", "From")


@test
def the_null_sender_is_not_signed(site):
    mark, message = site.message()
    queue_id = site.submit(message, mail_from="")
    expect_untouched(message, site.sink.wait(mark).message)
    has(site.gateway.logged(queue_id), "action=none", "MAIL FROM is empty")


@test
def a_rule_can_ask_for_an_opaque_signature(site):
    mark, message = site.message(sender="opaque@example.org")
    queue_id = site.submit(message, login="opaque")
    expect_signed(site, message, site.sink.wait(mark).message, "opaque", "opaque@example.org")
    has(site.gateway.logged(queue_id), "action=sign", "form=opaque")


@test
def multipart_mail_and_odd_octets_are_signed_as_they_are(site):
    body = ("preamble\n--=_b\nContent-Type: text/plain\n\n..two dots\n-- not a delimiter\n\n\n--=_b\n"
            "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nAAECAwQF\n--=_b--\nepilogue\n")
    mark, message = site.message(body=body, content="Content-Type: multipart/mixed;\n\tboundary=\"=_b\"\n"
                                                    "Content-Language: de\n")
    site.submit(message)
    expect_signed(site, message, site.sink.wait(mark).message)


@test
def fragile_text_is_quoted_and_signed(site):
    for line in ("From here on", ".", "ends in a blank "):
        mark, message = site.message(body=f"Noon?\n{line}\nAlice\n")
        site.submit(message)
        signed = expect_signed_and_encoded(site, message, site.sink.wait(mark).message)
        assert octets.crlf(f"\n{line}\n") not in signed.content, line


@test
def several_messages_of_one_connection_do_not_mix(site):
    marks = []
    with smtp.Client(site.mta.submission, ("alice@example.org", LOGINS["alice"])) as client:
        for sender in ("alice@example.org", "bob@example.org", "alice@example.org"):
            mark, message = site.message(sender=sender)
            client.send("alice@example.org", [OUTSIDE], message)
            marks.append((mark, message, sender))
    for mark, message, sender in marks:
        delivered = site.sink.wait(mark).message
        if sender == "alice@example.org":
            expect_signed(site, message, delivered)
        else:
            expect_untouched(message, delivered)


@test
def mail_for_several_is_signed_only_when_all_want_it(site):
    mark, message = site.message()
    queue_id = site.submit(message, to=(OUTSIDE, "plain@example.net"))
    expect_untouched(message, site.sink.wait(mark, "plain@example.net").message)
    expect_untouched(message, site.sink.wait(mark, OUTSIDE).message)
    has(site.gateway.logged(queue_id), "action=none", "reason=")


@test
def a_required_signature_is_made_for_all(site):
    mark, message = site.message(sender="required@example.org")
    site.submit(message, login="required", to=(OUTSIDE, "third@example.net"))
    expect_signed(site, message, site.sink.wait(mark, "third@example.net").message, address="required@example.org")


EIGHT_BIT = dict(content="Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n",
                 body="--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
                      "Grüße aus Köln\n-- \nAlice\n"
                      "--b\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\nonly the label says 8bit\n"
                      "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: inner\n"
                      "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: binary\n\n"
                      "<p>what was forwarded, grün</p>\n"
                      "--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: 8bit\n\näöü\n--b--\n")


@test
def eight_bit_text_is_encoded_and_signed(site):
    mark, message = site.message(**EIGHT_BIT)
    queue_id = site.submit(message, parameters=" BODY=8BITMIME")
    expect_signed_and_encoded(site, message, site.sink.wait(mark).message)
    has(site.gateway.logged(queue_id), "action=sign", "status=ok", "encoded=3")


@test
def what_cannot_be_encoded_is_left_unsigned_and_unchanged(site):
    mark, message = site.message(body="Hello\n", content="Content-Type: text/plain; charset=utf-8\n"
                                 "Content-Location: grün.txt\nContent-Transfer-Encoding: 8bit\n")
    queue_id = site.submit(message)
    expect_untouched(message, site.sink.wait(mark).message)
    has(site.gateway.logged(queue_id), "action=none", "reason=\"8-bit octets in the field Content-Location\"")


@test
def a_signature_survives_a_next_hop_without_8bitmime(site):
    mark, message = site.message(to="plain@seven.example.net", **EIGHT_BIT)
    site.submit(message, to=("plain@seven.example.net",), parameters=" BODY=8BITMIME")
    converted = site.seven_bit_sink.wait(mark).message
    assert octets.entity(message) not in converted and converted.isascii(), \
        "the MTA does not convert on this path: the test shows nothing"
    mark, message = site.message(to="someone@seven.example.net", **EIGHT_BIT)
    site.submit(message, to=("someone@seven.example.net",), parameters=" BODY=8BITMIME")
    delivered = site.seven_bit_sink.wait(mark).message
    expect_signed_and_encoded(site, message, delivered)


@test
def an_opaque_signature_carries_eight_bit_content_anywhere(site):
    mark, message = site.message(sender="opaque@example.org", to="someone@seven.example.net", **EIGHT_BIT)
    site.submit(message, login="opaque", to=("someone@seven.example.net",), parameters=" BODY=8BITMIME")
    content = verifiers.openssl(site.anchor, octets.Signed(site.seven_bit_sink.wait(mark).message), "opaque@example.org")
    same(content, octets.entity(message), "content that openssl has verified")


# --- verifying ---

@test
def a_signed_message_from_outside_passes(site):
    mark, signed = site.signed_by_alice()
    queue_id = site.receive(signed)
    delivered = site.sink.wait(mark, "bob@example.org").message
    found = results(delivered)
    same(len(found), 1, "Authentication-Results fields")
    has(found[0], "mx.example.org;", "smime=pass", "body.smime-identifier=alice@example.org")
    same(octets.header_and_body(delivered)[1], octets.header_and_body(signed)[1], "body")
    same(octets.name(octets.fields(octets.header_and_body(delivered)[0])[0]), "authentication-results", "first field")
    has(site.gateway.logged(queue_id), "action=verify", "status=pass", "rule=inbound", "signer=<alice@example.org>")


@test
def a_tampered_message_fails_and_is_marked(site):
    mark, signed = site.signed_by_alice()
    changed = tampered(signed)
    queue_id = site.receive(changed)
    delivered = site.sink.wait(mark, "bob@example.org").message
    has(results(delivered)[0], "smime=fail", "body hash mismatch")
    same(octets.values(octets.header_and_body(delivered)[0], "X-SMIME-Result"), ["fail (body hash mismatch)"], "mark")
    same(octets.header_and_body(delivered)[1], octets.header_and_body(changed)[1], "body")
    has(site.gateway.logged(queue_id), "status=fail", "body hash mismatch")


@test
def the_signature_is_stripped_for_whom_a_rule_says_so(site):
    mark, message = site.message()
    site.submit(message)
    queue_id = site.receive(site.sink.wait(mark).message, to=("archive@example.org",))
    delivered = site.sink.wait(mark, "archive@example.org").message
    top, fields, body = without_trace(delivered)
    header, sent_body = octets.header_and_body(message)
    same(body, sent_body, "body")
    same(sorted(fields), sorted(octets.fields(header)), "fields")
    has(results(delivered)[0], "smime=pass")
    same([octets.name(f) for f in top].count("x-smime-stripped"), 1, "X-SMIME-Stripped")
    has(site.gateway.logged(queue_id), "action=strip", "status=pass")


@test
def an_opaque_signature_is_stripped_too(site):
    mark, message = site.message(sender="opaque@example.org")
    site.submit(message, login="opaque")
    site.receive(site.sink.wait(mark).message, to=("archive@example.org",))
    _, fields, body = without_trace(site.sink.wait(mark, "archive@example.org").message)
    header, sent_body = octets.header_and_body(message)
    same(body, sent_body, "body")
    same(sorted(fields), sorted(octets.fields(header)), "fields")


@test
def a_tampered_message_is_not_stripped(site):
    mark, signed = site.signed_by_alice()
    changed = tampered(signed)
    site.receive(changed, to=("archive@example.org",))
    delivered = site.sink.wait(mark, "archive@example.org").message
    same(octets.header_and_body(delivered)[1], octets.header_and_body(changed)[1], "body")
    has(results(delivered)[0], "smime=fail")


@test
def mail_for_several_is_stripped_only_when_all_want_it(site):
    mark, signed = site.signed_by_alice()
    site.receive(signed, to=("archive@example.org", "bob@example.org"))
    delivered = site.sink.wait(mark, "archive@example.org").message
    same(octets.header_and_body(delivered)[1], octets.header_and_body(signed)[1], "body")
    has(results(delivered)[0], "smime=pass")


@test
def forged_results_are_removed_and_those_of_others_kept(site):
    kept = ["Authentication-Results: mx.example.org; dkim=pass header.d=example.net\n",
            "Authentication-Results: relay.example.net; smime=pass body.smime-identifier=ceo@example.net\n"]
    forged = ["Authentication-Results: mx.example.org; smime=pass body.smime-identifier=ceo@example.net\n",
              "authentication-results: MX.Example.ORG (really) 1;\n\tdkim=pass; smime=pass\n",
              "X-SMIME-Result: pass\n"]
    mark, message = site.message(extra=forged[0] + kept[0] + forged[1] + kept[1] + forged[2])
    queue_id = site.receive(message)
    delivered = site.sink.wait(mark).message
    _, fields, _ = without_trace(delivered)
    wanted = octets.fields(octets.header_and_body(message)[0])
    for text in forged:
        wanted.remove(octets.crlf(text))
    same(fields, wanted, "fields")
    has(site.gateway.logged(queue_id), "status=none")


@test
def forged_results_are_removed_from_a_message_that_is_too_large(site):
    mark, message = site.message(extra="Authentication-Results: mx.example.org; smime=pass\n", body="x" * 70 + "\n")
    message += (b"y" * 98 + b"\r\n") * 12000
    site.receive(message)
    delivered = site.sink.wait(mark).message
    same(results(delivered), [], "Authentication-Results fields")
    same(octets.header_and_body(delivered)[1], octets.header_and_body(message)[1], "body")


@test
def a_reject_rule_refuses_with_550_5_7_7_and_nothing_is_delivered(site):
    mark, signed = site.signed_by_alice()
    reply = site.refused(site.receive, tampered(signed), to=("strict@example.org",))
    has(reply.text, "550", "5.7.7")
    assert not site.sink.found(mark, "strict@example.org")
    site.receive(signed, to=("strict@example.org",))
    has(results(site.sink.wait(mark, "strict@example.org").message)[0], "smime=pass")


@test
def a_quarantine_rule_holds_the_message(site):
    mark, signed = site.signed_by_alice()
    changed = tampered(signed)
    queue_id = site.receive(changed, to=("held@example.org",))
    same(site.mta.held(), [queue_id], "in quarantine")
    assert not site.sink.found(mark, "held@example.org")
    has(site.gateway.logged(queue_id), "action=quarantine")
    site.mta.release(queue_id)
    delivered = site.sink.wait(mark, "held@example.org").message
    same(octets.header_and_body(delivered)[1], octets.header_and_body(changed)[1], "body")


@test
def a_tag_rule_says_it_in_the_subject(site):
    mark, signed = site.signed_by_alice()
    site.receive(tampered(signed), to=("tagged@example.org",))
    header = octets.header_and_body(site.sink.wait(mark, "tagged@example.org").message)[0]
    same(octets.value(header, "Subject"), "[signature invalid] lunch", "Subject")


@test
def ordinary_mail_from_outside_is_not_touched(site):
    mark, message = site.message(sender="someone@example.net", to="bob@example.org", body="\n\n  odd\t \n.\n\n\n")
    site.receive(message)
    expect_untouched(message, site.sink.wait(mark).message)


# --- size ---

@test
def a_message_over_max_message_size_passes_unsigned_with_the_reason(site):
    mark, message = site.message(body="x" * 76 + "\n")
    message += (b"z" * 98 + b"\r\n") * 11000
    queue_id = site.submit(message)
    expect_untouched(message, site.sink.wait(mark).message)
    has(site.gateway.logged(queue_id), "action=none", "max_message_size")


@test
def a_message_that_must_be_signed_and_is_too_large_gets_552(site):
    mark, message = site.message(sender="required@example.org")
    reply = site.refused(site.submit, message + (b"z" * 98 + b"\r\n") * 11000, login="required")
    has(reply.text, "552")
    assert not site.sink.found(mark)


@test
def a_message_just_under_max_message_size_is_signed(site):
    mark, message = site.message()
    message += (b"z" * 98 + b"\r\n") * 10000
    assert 1_000_000 < len(message) < 1 << 20
    site.submit(message)
    expect_signed(site, message, site.sink.wait(mark).message)
