// Clear signatures made opaque: the octets, and what every message goes through.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cms/encapsulate.h"
#include "cms/inspect.h"
#include "gateway/reencapsulate.h"
#include "gateway_support.h"

namespace
{

using namespace fixture;
using testing::HasSubstr;

const std::string eightbit =
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9f"
    "e \r\n.\r\n\r\n";

std::string opaque(std::string_view der, std::string_view what = content)
{
    const base::Octets pieces[] = {what.substr(0, what.size() / 3), what.substr(what.size() / 3)};
    return must(cms::encapsulate(der, pieces));
}

std::string judged_opaque(std::string_view der)
{
    const auto v = cms::verify_opaque(der, options());
    return verdict(v) + (v.content == content ? "" : " other content");
}

// The part of SignedData after its encapContentInfo.
base::Octets rest_of(base::Octets der)
{
    cms::der::Reader info(cms::der::Reader(der).next(cms::der::sequence)->body);
    info.next();
    cms::der::Reader data(cms::der::Reader(info.next()->body).next(cms::der::sequence)->body);
    for (int i = 0; i < 3; ++i) data.next();
    return data.rest();
}

// The ContentInfo again, with indefinite lengths around everything but the leaves.
std::string in_ber(std::string_view der)
{
    cms::der::Reader info(cms::der::Reader(der).next(cms::der::sequence)->body);
    const auto type = info.next();
    cms::der::Reader data(cms::der::Reader(info.next()->body).next(cms::der::sequence)->body);
    std::string inside;
    while (!data.at_end()) {
        const auto e = data.next();
        inside += e->tag == cms::der::integer
                      ? cms::der::wrap(e->tag, e->body)
                      : std::string(1, static_cast<char>(e->tag)) + "\x80" + std::string(e->body) + "\0\0"s;
    }
    return "\x30\x80" + cms::der::wrap(type->tag, type->body) + "\xa0\x80\x30\x80" + inside + "\0\0\0\0\0\0"s;
}

TEST(Encapsulate, EveryKindOfSignatureHoldsOverTheSameContent)  // R01
{
    const auto pss = [] {
        cms::SignRequest r;
        r.certificate = &alice_rsa().certificate;
        r.key = alice_rsa().key.get();
        r.chain = &pki().chain;
        r.padding = cms::Padding::pss;
        const base::Octets pieces[] = {content};
        return must(cms::sign(pieces, r)).der;
    };
    for (const std::string& der :
         {sign(pki().alice), sign(alice_rsa()), pss(),
          sign(pki().leaf("Alice Ed", [](auto& r) { r.ec = false, r.ed25519 = true; }))})
        EXPECT_EQ(judged_opaque(opaque(der)), "pass");
    Signer bare;
    bare.no_attributes = true;
    EXPECT_EQ(judged_opaque(opaque(crafted(bare))), "policy missing-attributes");
}

TEST(Encapsulate, CertificatesListsAndSignersAreTheSameOctets)  // R02
{
    const std::string der = sign(pki().alice);
    EXPECT_EQ(rest_of(opaque(der)), rest_of(der));
    EXPECT_FALSE(rest_of(der).empty());
}

TEST(Encapsulate, UnsortedAttributesUnsignedOnesAndBerSurvive)  // R03
{
    Signer s;
    s.attributes = {message_digest(), content_type()};  // in DER it is the other way round
    EXPECT_EQ(judged_opaque(opaque(crafted(s))), "pass");

    // An unsigned attribute, such as a timestamp, at the end of the SignerInfo.
    std::string info = signer_info(s);
    const std::string body(cms::der::Reader(info).next()->body);
    const std::string stamp = attribute("1.2.840.113549.1.9.16.2.14", {octet_string("a timestamp")});
    info = cms::der::wrap(cms::der::sequence, {body, cms::der::wrap(cms::der::context(1), stamp)});
    const std::string stamped = signed_data({info}, {s.who->certificate, pki().sub.certificate});
    EXPECT_EQ(judged_opaque(opaque(stamped)), "pass");
    EXPECT_NE(opaque(stamped).find(stamp), std::string::npos);

    Signer other;
    other.who = &pki().bob;
    other.attributes = {content_type(), message_digest()};
    const std::string two = signed_data({signer_info(s), signer_info(other)},
                                        {s.who->certificate, other.who->certificate, pki().sub.certificate});
    for (const std::string& der : {in_ber(sign(pki().alice)), in_ber(stamped), in_ber(two), two}) {
        EXPECT_EQ(verdict(verify(der)), "pass");
        EXPECT_EQ(judged_opaque(opaque(der)), "pass");
        EXPECT_EQ(rest_of(opaque(der)), rest_of(der));
    }
}

TEST(Encapsulate, ContentOfAnySizeIsTakenInWhole)
{
    for (const std::size_t n : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U, 3'000'000U}) {
        const std::string what = "Content-Type: text/plain\r\n\r\n" + std::string(n, 'x');
        const auto v = cms::verify_opaque(opaque(sign(pki().alice, true, what), what), options());
        EXPECT_EQ(verdict(v), "pass") << n;
        EXPECT_EQ(v.content, what) << n;
    }
}

TEST(Encapsulate, RefusesWhatIsNoDetachedSignatureOverData)  // R04
{
    const base::Octets pieces[] = {content};
    const auto why = [&](std::string_view der) {
        const auto r = cms::encapsulate(der, pieces);
        return r ? std::string("taken") : r.error().what;
    };
    const std::string der = sign(pki().alice);
    EXPECT_THAT(why(sign(pki().alice, false)), HasSubstr("has a content already"));
    EXPECT_THAT(why(der + "x"), HasSubstr("octets come after it"));
    EXPECT_THAT(why(""), HasSubstr("not a ContentInfo"));
    Signer s;
    s.attributes = {attribute("contentType", {oid("1.2.840.113549.1.9.16.1.4")}), message_digest()};
    EXPECT_THAT(
        why(signed_data({signer_info(s)}, {s.who->certificate}, {}, "sha256", "1.2.840.113549.1.9.16.1.4")),
        HasSubstr("something other than data"));
    for (std::size_t n = 0; n < der.size(); ++n) EXPECT_NE(why(der.substr(0, n)), "taken") << n;
}

std::string rendered(const std::string& octets)
{
    const auto m = message(octets);
    auto rewrite = gateway::reencapsulate(m);
    if (!rewrite) return "no: " + rewrite.error();
    gateway::Outcome outcome;
    outcome.header = std::move(rewrite->header);
    outcome.replace_body = true;
    outcome.body = std::move(rewrite->body);
    return gateway::render(m, outcome);
}

TEST(Reencapsulate, EightBitMessageStaysSignedByItsSender)  // R01
{
    const std::string octets = head + "Content-Language: de\r\n" + clear_signed(eightbit);
    const std::string out = rendered(octets);
    EXPECT_EQ(layers_of(out), "1 pass");
    EXPECT_THAT(
        out, HasSubstr(
                 "Content-Type: application/pkcs7-mime; smime-type=signed-data;\r\n name=\"smime.p7m\"\r\n"));
    EXPECT_THAT(out, HasSubstr("Content-Transfer-Encoding: base64\r\n"));
    EXPECT_THAT(out, HasSubstr("Subject: lunch\r\n"));
    EXPECT_EQ(out.find("Content-Language"), std::string::npos);
    EXPECT_EQ(out.find("multipart"), std::string::npos);
    EXPECT_TRUE(std::all_of(out.begin(), out.end(), [](char c) { return (c & 0x80) == 0; }));
    const auto m = message(out);
    const auto verdict = gateway::verify_message(m.header(), m.body(), request());
    const auto* layer = verdict.layer();
    ASSERT_NE(layer, nullptr);
    EXPECT_EQ(layer->content, eightbit);
}

TEST(Reencapsulate, TrustAndIdentityAreNoQuestion)
{
    const auto stranger = must(cms::issue(fixture::request("Stranger", {"x@example.net"}), nullptr));
    const std::string octets = "From: a, b\r\nMIME-Version: 1.0\r\n" + clear_signed(eightbit, stranger);
    EXPECT_EQ(judged(octets), "permerror from-ambiguous untrusted");
    EXPECT_EQ(judged(rendered(octets)), "permerror from-ambiguous untrusted");
}

TEST(Reencapsulate, WhatDoesNotHoldIsNotTouched)  // R04
{
    const std::string good = head + clear_signed(eightbit);
    EXPECT_THAT(rendered(replaced(good, "Gr", "gr")),
                HasSubstr("no: the signature does not hold: body hash mismatch"));
    EXPECT_THAT(rendered(replaced(good, "--=_b\r\n", "--=_bb\r\n--=_b\r\n")),
                HasSubstr("no: ambiguous boundary"));
    EXPECT_THAT(rendered(replaced(good, "--=_b--", "--=_b")), HasSubstr("no: message structure"));
    EXPECT_THAT(rendered(head + clear_entity(eightbit, sign(pki().alice, false, eightbit))),
                HasSubstr("has a content already"));
    EXPECT_THAT(rendered(head + clear_entity(eightbit, sign(pki().alice, true, eightbit) + "x")),
                HasSubstr("octets come after it"));
    EXPECT_THAT(rendered(head + opaque_signed(eightbit)), HasSubstr("no: the message is not clear-signed"));
    EXPECT_THAT(rendered(head + "\r\nhello\r\n"), HasSubstr("no: the message is not clear-signed"));
    // One of two signers is enough to leave it alone.
    Signer a, b;
    b.who = &pki().bob;
    a.attributes = {content_type(), message_digest(eightbit)};
    b.attributes = {content_type(), message_digest("other")};
    EXPECT_THAT(
        rendered(head + clear_entity(eightbit, signed_data({signer_info(a), signer_info(b)},
                                                           {a.who->certificate, b.who->certificate}))),
        HasSubstr("body hash mismatch"));
    EXPECT_THAT(rendered(head + clear_entity(eightbit, signed_data({}, {pki().alice.certificate}))),
                HasSubstr("signature without a signer"));
}

TEST(Reencapsulate, FragileIsWhatAnMtaWouldConvert)  // R07
{
    const auto hazard = [](const std::string& inner) {
        return gateway::fragile_signed_part(message(head + clear_signed(inner))).value_or("");
    };
    const std::string plain = "Content-Type: text/plain\r\n\r\n";
    EXPECT_EQ(hazard(plain + "Noon? \r\n.\r\nFrom here\r\n" + std::string(988, 'x') + "\r\n"), "");
    EXPECT_NE(hazard(plain + std::string(989, 'x') + "\r\n"), "");
    EXPECT_NE(hazard(eightbit), "");
    EXPECT_NE(hazard("Content-Type: text/plain; name=\"\xc3\xbc\"\r\n\r\nx\r\n"), "");
    EXPECT_NE(hazard(plain + std::string("a\0b\r\n", 5)), "");
    // Postfix converts by the label, whatever is inside.
    EXPECT_EQ(hazard("Content-Transfer-Encoding: 8bit\r\n" + plain + "ascii\r\n"), "a part labelled 8bit");
    EXPECT_EQ(hazard("Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Transfer-Encoding: "
                     "binary\r\n\r\n"
                     "ascii\r\n--m--\r\n"),
              "a part labelled binary");
    EXPECT_EQ(gateway::fragile_signed_part(message(head + opaque_signed(eightbit))), std::nullopt);
    EXPECT_EQ(gateway::fragile_signed_part(message(head + "\r\nGr\xc3\xbc\xc3\x9f"
                                                          "e\r\n")),
              std::nullopt);
}

}  // namespace
