// Whole messages: which layers they have, what these cover, and whose they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "gateway/case.h"
#include "gateway/identity.h"
#include "gateway/verify.h"
#include "gateway_support.h"

namespace
{

using namespace fixture;
using testing::Contains;
using testing::HasSubstr;

const std::string text = "Content-Type: text/plain\r\n\r\nNoon? \r\n\r\n";

TEST(VerifyMessage, BothFormsPassAndNameTheirPart)  // V01, V02, A03
{
    EXPECT_EQ(layers_of(head + clear_signed(text)), "2 pass");
    EXPECT_EQ(layers_of(head + opaque_signed(text)), "1 pass");
    EXPECT_EQ(judged(head + "\r\nnothing\r\n"), "none");
}

TEST(VerifyMessage, CmsDecidesAndALabelThatContradictsIsNeutral)  // V03
{
    const std::string der = sign(pki().alice, false, text);
    EXPECT_EQ(judged(head + opaque_entity(der)), "pass");
    EXPECT_EQ(judged(head + replaced(opaque_entity(der), " smime-type=signed-data;", "")), "pass");
    EXPECT_EQ(judged(head + opaque_entity(der, "enveloped-data")), "neutral type-mismatch");
    EXPECT_EQ(judged(head + opaque_entity(der, "certs-only")), "neutral type-mismatch");
    // A ContentInfo that is no SignedData, under the label of one.
    const std::string other = cms::der::wrap(
        cms::der::sequence, {oid("pkcs7-envelopedData"), cms::der::wrap(cms::der::context(0), "\x30\x00"sv)});
    EXPECT_EQ(judged(head + opaque_entity(other)), "neutral type-mismatch");
    EXPECT_EQ(judged(head + opaque_entity(other, "enveloped-data")), "none");
}

TEST(VerifyMessage, OlderNamesOfTheTypesAreAccepted)  // V03
{
    EXPECT_EQ(
        judged(head + replaced(opaque_signed(text), "application/pkcs7-mime", "application/x-pkcs7-mime")),
        "pass");
    std::string old = replaced(clear_signed(text), "protocol=\"application/pkcs7-signature\"",
                               "protocol=\"application/x-pkcs7-signature\"");
    old = replaced(old, "Content-Type: application/pkcs7-signature",
                   "Content-Type: application/x-pkcs7-signature");
    EXPECT_EQ(judged(head + old), "pass");
}

TEST(VerifyMessage, TwoPartsAndACloseDelimiterOrNothing)  // V05
{
    const std::string good = clear_signed(text);
    EXPECT_EQ(judged(head + replaced(good, "--=_b--", "--=_b\r\n\r\nthird\r\n--=_b--")),
              "permerror structure");
    EXPECT_EQ(judged(head + good.substr(0, good.find("--=_b--"))), "permerror structure");
    EXPECT_EQ(judged(head + replaced(good, "\r\n--=_b\r\nContent-Type: application",
                                     "\r\nContent-Type: application")),
              "permerror structure");
    EXPECT_EQ(judged(head + replaced(good, "\"=_b\"", "\"=_c\"")), "permerror structure");
    EXPECT_EQ(judged(head + replaced(good, "; boundary=\"=_b\"", "")), "permerror structure");
}

TEST(VerifyMessage, LinesThatOnlyBeginLikeADelimiterAreAmbiguous)  // V06
{
    for (const char* line : {"--=_bee", "--=_b2", "--=_b--x", "--=_b x"})
        EXPECT_EQ(judged(head + clear_signed(text + line + "\r\n")), "permerror ambiguous-boundary") << line;
    EXPECT_EQ(judged(head + clear_signed(text + " --=_bee\r\n-- =_b\r\n")), "pass");
}

TEST(VerifyMessage, FieldsAndParametersThatAreThereTwiceAreNobodysGuess)  // V16
{
    const std::string good = clear_signed(text);
    EXPECT_EQ(judged(head + "Content-Type: text/plain\r\n" + good), "permerror structure");
    EXPECT_EQ(judged(head + replaced(good, "\r\n\r\n", "\r\nContent-Type: text/plain\r\n\r\n")),
              "permerror structure");
    EXPECT_EQ(judged(head + replaced(good, "micalg=sha-256", "boundary=x; micalg=sha-256")),
              "permerror structure");
    EXPECT_EQ(judged(head + "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: 7bit\r\n" + good),
              "permerror structure");
    EXPECT_EQ(judged(head + "Content-Transfer-Encoding: base64\r\n" + good), "permerror structure");
    EXPECT_EQ(judged(head + "Content-Transfer-Encoding: 8bit\r\n" + good), "pass");
    EXPECT_EQ(
        judged(head +
               replaced(good, "Content-Transfer-Encoding: base64",
                        "Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64")),
        "permerror structure");
}

TEST(VerifyMessage, AContentTypeThatReadersReadDifferentlyIsNobodysGuess)  // V05
{
    const std::string good = clear_signed(text);
    for (const char* other :
         {"boundary=(x)\"=_b\"", "boundary=\"=_\\b\"", "boundary=\"=_\r\n b\"",
          "(;boundary=evil;); boundary=\"=_b\"", "x=\"\\\";boundary=evil;\"; boundary=\"=_b\""})
        EXPECT_EQ(judged(head + replaced(good, "boundary=\"=_b\"", other)), "permerror structure") << other;
    EXPECT_EQ(judged(head + replaced(good, "boundary=\"=_b\"", "x=\"(y)\"; boundary=\"=_b\"")), "pass");
    EXPECT_EQ(judged(head + replaced(good, "\r\n--=_b\r\n", "\r\nsee\r\n--evil\r\n--=_b\r\n")),
              "permerror ambiguous-boundary");
    EXPECT_EQ(judged(head + replaced(good, "\r\n--=_b\r\n", "\r\nsee below\r\n--=_b\r\n")), "pass");
}

TEST(VerifyMessage, AProtocolWrittenOddlyIsStillAClaim)  // V05
{
    const std::string good = clear_signed(text);
    const std::string protocol = "protocol=\"application/pkcs7-signature\";\r\n";
    ASSERT_NE(good.find(protocol), std::string::npos);
    for (const char* other :
         {"", "protocol*=us-ascii'en'application/pkcs7-signature; ",
          "protocol=\"application/pkcs7-signature \"; ", "protocol=\"application/pgp-signature\"; ",
          "protocol*0=application/pkcs7-; protocol*1=signature; "})
        EXPECT_EQ(judged(head + replaced(good, protocol, other)), "permerror structure") << other;
    const std::string pgp = replaced(good, "pkcs7-signature", "pgp-signature");
    EXPECT_EQ(judged(head + replaced(pgp, "pkcs7-signature", "pgp-signature")), "none");
}

TEST(VerifyMessage, OnlyAStrongIntactSignatureIsTheAuthorsOwn)  // A08
{
    const auto own = [](const std::string& entity, const cms::Trust& trust = pki().trust) {
        const auto m = message(head + entity);
        return gateway::is_authors_own(gateway::verify_message(m.header(), m.body(), request(trust)));
    };
    EXPECT_TRUE(own(clear_signed(text)));
    EXPECT_TRUE(own(clear_signed(text), cms::Trust())) << "others may trust its issuer";
    EXPECT_FALSE(own(replaced(clear_signed(text), "Noon", "Nine")));
    EXPECT_FALSE(own(clear_signed(text, pki().bob)));
    Signer bare;
    bare.no_attributes = true;
    bare.signed_content = text;
    EXPECT_FALSE(own(clear_entity(text, crafted(bare))));
}

TEST(VerifyMessage, ADisplayNameFullOfAtSignsIsReadOnceOnly)
{
    // With a scan of the whole name for each of them this would take minutes.
    const std::string name = std::string(20000, '@') + " " + std::string(20000, 'a') + "@ ceo@bank.example";
    const auto m = message("From: \"" + name +
                           "\" <alice@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nx");
    EXPECT_EQ(gateway::claimant_of(m.fields(), request()).shown, "ceo@bank.example");
}

TEST(VerifyMessage, EveryChangeOnTheWayFails)  // V11
{
    const std::string good = clear_signed(text);
    EXPECT_EQ(judged(head + replaced(good, "Noon? ", "Noon?")), "fail content-mismatch");
    EXPECT_EQ(judged(head + replaced(good, "Noon? \r\n", "Noon? \r\n\r\n")), "fail content-mismatch");
    EXPECT_EQ(judged(head + replaced(good, "Noon? \r\n", "Noon? \n")), "fail content-mismatch");
    EXPECT_EQ(judged(head + replaced(good, "text/plain", "text/html")), "fail content-mismatch");
    EXPECT_EQ(
        judged(head + replaced(good, "\r\n\r\n--=_b\r\nContent-Type: app", "\r\n--=_b\r\nContent-Type: app")),
        "fail content-mismatch");
}

TEST(VerifyMessage, BrokenBase64IsNeutral)  // V10
{
    const std::string good = clear_signed(text);
    const auto at = good.find("base64\r\n\r\n") + 10;
    EXPECT_EQ(judged(head + std::string(good).insert(at, "*")), "neutral malformed");
    EXPECT_EQ(judged(head + std::string(good).insert(at + 8, "\r\n \r\n")), "pass");
    EXPECT_EQ(judged(head + clear_entity(text, sign(pki().alice, true, text) + "x")),
              "neutral trailing-data");
}

TEST(VerifyMessage, LineOf1023OctetsBeforeABoundaryIsNoDelimiter)  // V14
{
    // Readers with a buffer of 1024 octets take what follows for a new line.
    for (std::size_t n : {1021U, 1022U, 1023U, 1024U, 2047U})
        EXPECT_EQ(judged(head + clear_signed(text + std::string(n, 'x') + "--=_b--\r\nmore\r\n")), "pass")
            << n;
}

TEST(VerifyMessage, SixthLayerIsNotJudgedAndSoNothingPasses)  // V18
{
    std::string five = text, six;
    for (int i = 1; i <= 5; ++i) five = clear_signed(five, pki().alice, "=_" + std::to_string(i) + "_");
    six = clear_signed(five, pki().alice, "=_6_");
    EXPECT_EQ(judged(head + five), "pass");
    EXPECT_EQ(layers_of(head + five), "2 pass, 1.2 pass, 1.1.2 pass, 1.1.1.2 pass, 1.1.1.1.2 pass");
    EXPECT_EQ(judged(head + six), "permerror limit");
}

TEST(VerifyMessage, LargeSignaturePartIsALimit)  // V18
{
    EXPECT_EQ(judged(head + clear_entity(text, std::string(2U << 20, '0'))), "permerror limit");
}

TEST(VerifyMessage, ManySignersAndCertificatesAreALimit)  // V18
{
    Signer s;
    s.attributes = {content_type(), message_digest(text)};
    const std::string one = signer_info(s);
    const auto with = [&](std::size_t signers, std::size_t certificates) {
        return judged(head + clear_entity(text, signed_data(std::vector<std::string>(signers, one),
                                                            std::vector<cms::Certificate>(
                                                                certificates, pki().alice.certificate))));
    };
    EXPECT_EQ(with(9, 1), "permerror limit");
    EXPECT_EQ(with(1, 33), "permerror limit");
    EXPECT_EQ(with(8, 1), "policy untrusted");  // only the intermediate is missing
}

TEST(VerifyMessage, ContradictingMicalgIsACommentOnly)
{
    const std::string der = sign(pki().alice, true, text);
    EXPECT_THAT(comments_of(head + clear_entity(text, der, "=_b", "sha-1")),
                Contains("micalg names another digest than sha256"));
    EXPECT_EQ(judged(head + clear_entity(text, der, "=_b", "sha-1")), "pass");
    for (const char* fine : {"sha-256", "SHA256", "\"sha-1,sha-256\"", "unknown"})
        EXPECT_THAT(comments_of(head + clear_entity(text, der, "=_b", fine)), testing::IsEmpty()) << fine;
}

TEST(VerifyMessage, AllSignersMustHoldAndOneBeTheAuthor)  // V44
{
    const auto two = [](const cms::Identity& a, const cms::Identity& b, std::string_view b_signs) {
        Signer x, y;
        x.who = &a;
        y.who = &b;
        x.attributes = {content_type(), message_digest(text)};
        y.attributes = {content_type(), message_digest(b_signs)};
        return head + clear_entity(text, signed_data({signer_info(x), signer_info(y)},
                                                     {a.certificate, b.certificate, pki().sub.certificate}));
    };
    EXPECT_EQ(judged(two(pki().alice, pki().bob, text)), "pass");
    EXPECT_EQ(judged(two(pki().bob, pki().alice, text)), "pass");
    EXPECT_THAT(comments_of(two(pki().bob, pki().alice, text)), Contains("also signed by bob@example.org"));
    EXPECT_EQ(judged(two(pki().bob, pki().bob, text)), "policy identity-mismatch");
    EXPECT_EQ(judged(two(pki().alice, pki().bob, "other")), "fail content-mismatch identity-mismatch");
    EXPECT_EQ(judged(two(pki().bob, pki().alice, "other")), "fail content-mismatch");
}

TEST(VerifyMessage, SignerOfAnUnknownKindLeavesItUndecided)  // V44
{
    Signer known, unknown;
    known.attributes = unknown.attributes = {content_type(), message_digest(text)};
    unknown.who = &pki().bob;
    unknown.signature_name = "2.16.840.1.101.3.4.3.17";  // ML-DSA-44
    const std::vector<cms::Certificate> certificates{pki().alice.certificate, pki().bob.certificate,
                                                     pki().sub.certificate};
    for (const auto& infos :
         {std::vector{signer_info(unknown), signer_info(known)},
          std::vector{signer_info(known), signer_info(unknown)}, std::vector{signer_info(unknown)}})
        EXPECT_EQ(judged(head + clear_entity(text, signed_data(infos, certificates))),
                  "neutral unsupported-algorithm identity-mismatch");
}

TEST(VerifyMessage, DigestsHaveToBeAnnounced)  // RFC 5652 section 5.1
{
    Signer s;
    s.attributes = {content_type(), message_digest(text)};
    EXPECT_EQ(judged(head + clear_entity(text, signed_data({signer_info(s)},
                                                           {s.who->certificate, pki().sub.certificate}, {},
                                                           "sha512"))),
              "neutral unsupported-algorithm");
}

TEST(VerifyMessage, SignerIsComparedWithTheOneFrom)  // V60, V61, V62
{
    const std::string body = clear_signed(text);
    const auto from = [&](const std::string& fields) {
        return judged(fields + "MIME-Version: 1.0\r\n" + body);
    };
    EXPECT_EQ(from("From: ALICE@Example.ORG\r\n"), "pass");
    EXPECT_EQ(from("From: bob@example.org\r\n"), "policy identity-mismatch");
    EXPECT_EQ(from("From: alice@example.org.evil.example\r\n"), "policy identity-mismatch");
    EXPECT_EQ(from("From: bob@example.org\r\nSender: alice@example.org\r\n"), "policy sender-only");
    EXPECT_EQ(from("From: bob@example.org\r\nReply-To: alice@example.org\r\n"), "policy identity-mismatch");
    for (const char* none :
         {"", "From: \r\n", "From: Alice\r\n", "From: <>\r\n", "From: alice@example.org, bob@example.org\r\n",
          "From: alice@example.org\r\nFrom: bob@example.org\r\n", "From: friends: alice@example.org;\r\n",
          "From: alice@example.org\r\nFROM: alice@example.org\r\n",
          "From: <alice@example.org> <bob@example.org>\r\n"})
        EXPECT_EQ(from(none), "permerror from-ambiguous") << none;
}

TEST(VerifyMessage, SenderWillDoWhereItIsAllowed)  // V62
{
    auto r = request();
    r.accept_sender = true;
    const std::string sender = "From: bob@example.org\r\nSender: alice@example.org\r\nMIME-Version: 1.0\r\n";
    EXPECT_EQ(judged(sender + clear_signed(text), r), "pass");
    EXPECT_THAT(comments_of(sender + clear_signed(text), r), Contains("signed by the Sender"));
    EXPECT_EQ(judged("From: bob@example.org\r\nSender: carol@example.org\r\n" + clear_signed(text), r),
              "policy identity-mismatch");
}

TEST(VerifyMessage, DisplayNamesThatShowAnotherAddressAreNoted)  // V63
{
    auto strict = request();
    strict.strict_display_name = true;
    for (const char* from :
         {"\"ceo@example.com\" <alice@example.org>", "Alice <alice@example.org> (ceo@example.com)",
          "=?utf-8?q?ceo=40example.com?= <alice@example.org>",
          "=?utf-8?b?Y2VvQGV4YW1wbGUuY29t?= <alice@example.org>",
          "=?utf-8?q?ceo=EF=BC=A0example.com?= <alice@example.org>"}) {
        const std::string octets =
            "From: " + std::string(from) + "\r\nMIME-Version: 1.0\r\n" + clear_signed(text);
        EXPECT_EQ(judged(octets), "pass") << from;
        EXPECT_THAT(comments_of(octets), Contains(HasSubstr("display name shows ceo@example.com"))) << from;
        EXPECT_EQ(judged(octets, strict), "policy display-name") << from;
    }
    const std::string same = "From: \"Alice@Example.org\" <alice@example.org>\r\nMIME-Version: 1.0\r\n";
    EXPECT_EQ(judged(same + clear_signed(text), strict), "pass");
}

TEST(VerifyMessage, CertificateWithoutAnAddressSpeaksForNobody)  // V64
{
    const auto nobody = pki().leaf("No Address", [](auto& r) { r.addresses = {}; });
    EXPECT_EQ(judged(head + clear_signed(text, nobody)), "policy no-identity");
}

TEST(VerifyMessage, CertificateMaySpeakForAddressesByConfiguration)  // V64
{
    const auto nobody = pki().leaf("No Address", [](auto& r) { r.addresses = {}; });
    auto r = request();
    r.speaks_for = [&](const std::string& fingerprint, const std::string& address) {
        return fingerprint == nobody.certificate.fingerprint() && address.ends_with("@example.org");
    };
    const std::string octets = head + clear_signed(text, nobody);
    EXPECT_EQ(judged(octets, r), "pass");
    EXPECT_THAT(comments_of(octets, r), Contains("its certificate speaks for this address by configuration"));
    EXPECT_EQ(judged(replaced(octets, "alice@example.org", "alice@example.net"), r), "policy no-identity");
    EXPECT_EQ(judged("From: a@example.org\r\nFrom: b@example.org\r\n" + clear_signed(text, nobody), r),
              "permerror from-ambiguous");
    EXPECT_EQ(judged(replaced(octets, "Noon", "Never"), r), "fail content-mismatch");
    r.trust = nullptr;
    const cms::Trust nothing;
    r.trust = &nothing;
    EXPECT_EQ(judged(octets, r), "policy untrusted");
}

TEST(ResultsOfVerification, AreAllInTheManualByReasonAndResult)
{
    const std::string manual =
        must(base::read_file(std::string(TEST_DATA) + "/../doc/smime-milter.conf.5", 1U << 20));
    for (int i = 0; i < static_cast<int>(cms::Finding::count_); ++i) {
        const auto f = static_cast<cms::Finding>(i);
        EXPECT_THAT(manual, HasSubstr(".It " + std::string(cms::reason(f)) + "\n.Pq " +
                                      std::string(cms::name(cms::band(f))) + "\n"));
    }
}

TEST(VerifyMessage, IdentityIsTheSignersAndNotThatOfAnyCertificateInTheBag)
{
    Signer s;
    s.who = &pki().bob;
    s.attributes = {content_type(), message_digest(text)};
    EXPECT_EQ(judged(head + clear_entity(text, signed_data({signer_info(s)},
                                                           {pki().alice.certificate, pki().bob.certificate,
                                                            pki().sub.certificate}))),
              "policy identity-mismatch");
}

TEST(VerifyMessage, SignedPartsNeverSpeakForTheMessage)  // V65
{
    const auto mixed = [](const std::string& parts) {
        return head + "Content-Type: multipart/mixed; boundary=outer\r\n\r\n" + parts + "--outer--\r\n";
    };
    const std::string plain = "--outer\r\n\r\nPay me.\r\n", footer = "--outer\r\n\r\nfooter\r\n";
    EXPECT_EQ(layers_of(mixed("--outer\r\n" + clear_signed(text) + "\r\n" + footer)), "1.2 neutral partial");
    EXPECT_EQ(judged(mixed("--outer\r\n" + clear_signed(text) + "\r\n" + footer)), "neutral partial");
    EXPECT_EQ(layers_of(mixed(plain + "--outer\r\n" + opaque_signed(text) + "\r\n")), "2 neutral partial");
    EXPECT_EQ(layers_of(mixed(plain + "--outer\r\n" + clear_signed(text) + "\r\n--outer\r\n" +
                              opaque_signed(text) + "\r\n")),
              "2.2 neutral partial, 3 neutral partial");
    // Broken or not, a part says nothing about the whole.
    EXPECT_EQ(judged(mixed("--outer\r\n" + replaced(clear_signed(text), "Noon", "Never") + "\r\n")),
              "neutral partial");
    const std::string forwarded =
        "--outer\r\nContent-Type: message/rfc822\r\n\r\n" + head + clear_signed(text) + "\r\n";
    EXPECT_EQ(judged(mixed(plain + forwarded)), "neutral partial");
    EXPECT_EQ(judged(head + "Content-Type: message/rfc822\r\n\r\n" + head + clear_signed(text)),
              "neutral partial");
}

TEST(VerifyMessage, AHundredSignedPartsAreNotAllVerified)  // V18
{
    std::string octets = head + "Content-Type: multipart/mixed; boundary=outer\r\n\r\n";
    for (int i = 0; i < 100; ++i) octets += "--outer\r\n" + clear_signed(text) + "\r\n";
    const auto m = message(octets + "--outer--\r\n");
    EXPECT_EQ(gateway::verify_message(m.header(), m.body(), request()).layers.size(), 5U);
}

TEST(VerifyMessage, TextAroundTheSignedPartIsNoted)  // V67
{
    const std::string good = clear_signed(text);
    const std::string before =
        replaced(good, "\r\n\r\n--=_b\r\n", "\r\n\r\nRead this\r\nand this\r\n--=_b\r\n");
    const std::string after = good + "Pay 100 to me\r\n";
    for (const auto& octets : {before, after}) {
        EXPECT_EQ(judged(head + octets), "pass");
        EXPECT_THAT(comments_of(head + octets), Contains("unsigned text around the signed part"));
    }
    EXPECT_THAT(comments_of(head + good), testing::IsEmpty());
}

TEST(VerifyMessage, LayersAreJudgedFromTheOutsideAndTheAuthorsDecides)  // V68
{
    const std::string inner_alice = clear_signed(text, pki().alice, "=_in");
    const std::string inner_bob = clear_signed(text, pki().bob, "=_in");
    EXPECT_EQ(layers_of(head + clear_signed(inner_bob)), "2 pass, 1.2 policy identity-mismatch");
    EXPECT_EQ(judged(head + clear_signed(inner_bob)), "pass");
    EXPECT_EQ(judged(head + clear_signed(inner_alice, pki().bob)), "pass");
    EXPECT_EQ(judged(head + clear_signed(inner_bob, pki().bob)), "policy identity-mismatch");
    EXPECT_EQ(judged(head + opaque_signed(inner_alice, pki().bob)), "pass");
    EXPECT_EQ(layers_of(head + opaque_signed(inner_alice, pki().bob)), "1 policy identity-mismatch, 2 pass");
    // A broken layer outside the author's: somebody has been at it.
    const std::string broken =
        replaced(clear_signed(inner_alice, pki().bob), "--=_b\r\nContent-Type: multipart",
                 "--=_b\r\nX-Added: 1\r\nContent-Type: multipart");
    EXPECT_EQ(judged(head + broken), "fail content-mismatch identity-mismatch");
}

TEST(VerifyMessage, SignedEncryptedSignedIsJudgedUpToTheEncryption)  // V68
{
    const std::string envelope =
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: "
        "base64\r\n\r\n" +
        mime::base64_lines(
            cms::der::wrap(cms::der::sequence,
                           {oid("pkcs7-envelopedData"), cms::der::wrap(cms::der::context(0), "\x30\x00"sv)}));
    const auto m = message(head + clear_signed(envelope));
    const auto verdict = gateway::verify_message(m.header(), m.body(), request());
    EXPECT_EQ(text_of(verdict), "pass");
    EXPECT_TRUE(verdict.encrypted);
    EXPECT_EQ(verdict.layers.size(), 1U);
}

TEST(VerifyMessage, ProtectedFromHasToBeTheAuthor)  // V69
{
    const auto with = [](const std::string& fields) {
        return head + clear_signed(fields + "Content-Type: text/plain; hp=\"clear\"\r\n\r\nNoon?\r\n");
    };
    EXPECT_EQ(judged(with("From: Alice <alice@example.org>\r\nSubject: lunch\r\n")), "pass");
    EXPECT_EQ(judged(with("From: ALICE@example.org\r\n")), "pass");
    EXPECT_EQ(judged(with("Subject: lunch\r\n")), "pass");
    EXPECT_EQ(judged(with("From: Director <director@example.org>\r\n")), "policy protected-from");
    EXPECT_EQ(judged(with("From: alice@example.org\r\nFrom: director@example.org\r\n")),
              "policy protected-from");
    // Without the parameter these fields mean nothing.
    EXPECT_EQ(judged(head + clear_signed("From: director@example.org\r\n" + text)), "pass");
    // Whatever layer it is in.
    EXPECT_EQ(
        judged(head + opaque_signed(clear_signed("From: director@example.org\r\nContent-Type: text/plain; "
                                                 "hp=\"clear\"\r\n\r\nNoon?\r\n"))),
        "policy protected-from");
}

TEST(VerifyMessage, NothingOfItIsModified)  // R09
{
    const std::string octets = head + clear_signed(text);
    const auto m = message(octets);
    static_cast<void>(gateway::verify_message(m.header(), m.body(), request()));
    EXPECT_EQ(m.octets(), octets);
}

// Somebody else's good signature, and what a reader shows that looks for "boundary=" anywhere.
TEST(VerifyMessage, ABoundaryInsideAnotherParameterIsNoPass)
{
    const std::string evil = "--evil\r\nContent-Type: text/html\r\n\r\n<b>Pay Eve</b>\r\n--evil--\r\n";
    const auto with = [&](const std::string& parameter) {
        return judged(
            head + replaced(clear_signed(text), "boundary=\"=_b\"", parameter + "; boundary=\"=_b\"") + evil);
    };
    EXPECT_EQ(with("x=\"; boundary=evil\""), "permerror structure");
    EXPECT_EQ(with("name=\"a Boundary =evil\""), "permerror structure");
    EXPECT_EQ(with("x=\"out of bounds\""), "pass");
}

}  // namespace
