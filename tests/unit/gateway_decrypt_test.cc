// Decrypting at the gateway: for whom, and what is seen of it from outside.
#include <gtest/gtest.h>

#include "gateway/encrypt.h"
#include "gateway_site.h"

namespace
{

using namespace fixture;
using gateway::Action;

const std::string text = "Content-Type: text/plain; charset=utf-8\r\n\r\nAttack at dawn\r\n";
const std::string in = "[rule in]\ndirection = incoming\ndecrypt = yes\nverify = yes\n";
const std::vector<std::string> alice{"alice@example.org"};

std::string headed(const std::string& entity, const std::string& subject = "plans")
{
    return "From: Carol <carol@partner.example>\r\nTo: alice@example.org\r\nSubject: " + subject +
           "\r\nMIME-Version: 1.0\r\n" + entity;
}

std::string envelope_of(const std::string& entity, const std::vector<cms::Certificate>& who,
                        cms::Cipher cipher = cms::Cipher::aes256_cbc)
{
    cms::EncryptRequest request;
    request.recipients = who;
    request.cipher = cipher;
    const base::Octets pieces[] = {entity};
    return opaque_entity(must(cms::encrypt(pieces, request)),
                         cms::authenticates(cipher) ? "authEnveloped-data" : "enveloped-data");
}

const cms::Identity& alice_key() { return pki().alice; }

std::string to_alice(const std::string& entity = text, cms::Cipher cipher = cms::Cipher::aes256_cbc)
{
    return headed(envelope_of(entity, {alice_key().certificate}, cipher));
}

class GatewayDecrypt : public testing::Test
{
protected:
    Site::Done receive(const std::string& octets, std::vector<std::string> to = alice)
    {
        return site.run(octets, Site::from_outside(std::move(to)));
    }
    // The message must look as if nobody had tried.
    void expect_untouched(const std::string& octets, const std::string& why,
                          std::vector<std::string> to = alice)
    {
        const auto done = receive(octets, std::move(to));
        EXPECT_EQ(done.outcome.action, Action::accept) << done.log;
        EXPECT_FALSE(done.outcome.edits()) << done.log;
        EXPECT_TRUE(done.says(why)) << done.log;
    }
    Site site;
};

TEST_F(GatewayDecrypt, WhatWasEncryptedForTheRecipientIsOpened)
{
    site.configure(in);
    for (const auto cipher : {cms::Cipher::aes256_cbc, cms::Cipher::aes256_gcm}) {
        const auto done = receive(to_alice(text, cipher));
        EXPECT_EQ(done.fact("action"), "decrypt") << done.log;
        EXPECT_EQ(done.octets.substr(done.octets.find("\r\n\r\n") + 4), "Attack at dawn\r\n");
        EXPECT_TRUE(done.has("Content-Type: text/plain; charset=utf-8\r\n"));
        EXPECT_TRUE(done.has("X-SMIME-Decrypted: yes (" + std::string(cms::name(cipher)) + ")\r\n"));
        EXPECT_EQ(done.has("X-SMIME-Integrity: none"), !cms::authenticates(cipher));
        EXPECT_FALSE(done.has("pkcs7-mime"));
        EXPECT_EQ(done.at_header.weight, 5U);
    }
}

TEST_F(GatewayDecrypt, TheSignatureInsideIsVerifiedAndKept)
{
    site.configure(in);
    const auto done = receive(to_alice(clear_signed(text, carol())));
    EXPECT_EQ(done.fact("action"), "decrypt") << done.log;
    EXPECT_EQ(done.fact("status"), "pass");
    EXPECT_EQ(done.fact("signer"), "carol@partner.example");
    EXPECT_TRUE(done.has("smime=pass")) << done.octets;
    EXPECT_EQ(judged(done.octets), "pass");
    EXPECT_FALSE(done.has("X-SMIME-Integrity"));
}

TEST_F(GatewayDecrypt, TheSignatureInsideIsStrippedWhereTheRuleSaysSo)
{
    site.configure(in + "strip = valid\n");
    const auto done = receive(to_alice(clear_signed(text, carol())));
    EXPECT_EQ(done.fact("action"), "decrypt") << done.log;
    EXPECT_EQ(done.fact("strip"), "yes");
    EXPECT_EQ(done.octets.substr(done.octets.find("\r\n\r\n") + 4), "Attack at dawn\r\n");
    EXPECT_TRUE(done.has("smime=pass"));
}

TEST_F(GatewayDecrypt, AnEightBitSignatureInsideIsMadeToLast)
{
    site.configure(in + "eightbit_signed = opaque\n");
    const std::string eight =
        "Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xC3\xBC\xC3\x9F"
        "e\r\n";
    const auto done = receive(to_alice(clear_signed(eight, carol())));
    EXPECT_EQ(done.fact("reencapsulate"), "yes") << done.log;
    EXPECT_EQ(judged(done.octets), "pass");
    EXPECT_TRUE(done.has("smime-type=signed-data"));
}

TEST_F(GatewayDecrypt, WhatIsInsideIsNeverRefusedForWhoeverSentItWouldLearn)
{
    site.configure(in + "on_invalid = reject\non_untrusted = reject\n");
    const auto done = receive(to_alice(replaced(clear_signed(text, carol()), "dawn", "dusk")));
    EXPECT_EQ(done.outcome.action, Action::quarantine) << done.log;
    EXPECT_EQ(done.fact("status"), "fail");
}

TEST_F(GatewayDecrypt, WhereSignaturesAreRequiredEveryFailureLooksAlike)
{
    site.configure(in + "require_signature = yes\n");
    const auto unsigned_one = receive(to_alice());
    const auto broken = receive(to_alice(replaced(clear_signed(text, carol()), "dawn", "dusk")));
    const auto foreign = receive(headed(envelope_of(text, {carol().certificate})));
    EXPECT_EQ(unsigned_one.outcome.action, Action::quarantine) << "what opens is taken, and so are these";
    EXPECT_EQ(unsigned_one.reply(), broken.reply());
    EXPECT_EQ(unsigned_one.reply(), foreign.reply());
    EXPECT_EQ(receive(to_alice(clear_signed(text, carol()))).outcome.action, Action::accept);
}

TEST_F(GatewayDecrypt, WhoeverReaddressesACaptureGetsItAsItWas)
{
    site.knows(dave());
    site.directory.put("keys/bob.pem", pem_of(pki().bob));
    site.configure(in);
    expect_untouched(to_alice(), "no key for any of its recipients", {"bob@example.org"});
    expect_untouched(to_alice(), "no key that each of its recipients may use",
                     {"alice@example.org", "bob@example.org"});
    expect_untouched(to_alice(), "recipient dave@other.example is not local",
                     {"alice@example.org", "dave@other.example"});
}

TEST_F(GatewayDecrypt, AKeyServesThoseWhomItsSectionNames)
{
    const auto domain = person("gateway@example.org");
    site.directory.put("domain.pem", pem_of(domain));
    site.configure("[key domain]\nfile = @dir@/domain.pem\ndecrypts_for = *@example.org\n" + in);
    const auto octets = headed(envelope_of(text, {domain.certificate}));
    const auto done = receive(octets, {"bob@example.org", "eve@example.org"});
    EXPECT_EQ(done.fact("action"), "decrypt") << done.log;
    EXPECT_EQ(done.fact("key"), "domain");
    expect_untouched(octets, "is not local", {"bob@example.net"});
}

TEST_F(GatewayDecrypt, ExpiredAndRetiredKeysStillOpenWhatWasSentToThem)
{
    const auto old = pki().leaf("Old Alice", [](auto& r) { r.not_after = at("2026-02-01"); });
    const auto retired = pki().leaf("Retired Alice");
    site.directory.put("keys/old.pem", pem_of(old));
    site.directory.put("keys/alice2.retired.pem", pem_of(retired));
    site.configure(in);
    for (const auto& who : {old, retired})
        EXPECT_EQ(receive(headed(envelope_of(text, {who.certificate}))).fact("action"), "decrypt");
}

TEST_F(GatewayDecrypt, FailuresOfAllKindsLeaveTheMessageAsItCame)
{
    site.configure(in);
    expect_untouched(headed(envelope_of(text, {carol().certificate})), "no key for any of its recipients");
    expect_untouched(to_alice("no header here"), "not a MIME entity");
    expect_untouched(headed(opaque_entity("junk", "enveloped-data")), "");
    std::string der = cms_of(to_alice(text, cms::Cipher::aes256_gcm));
    der[der.size() - 20] = static_cast<char>(der[der.size() - 20] ^ 1);
    expect_untouched(headed(opaque_entity(der, "authEnveloped-data")), "cannot be decrypted");
    // The content's last block: bad padding, most of the time.
    der = cms_of(to_alice());
    der.back() = static_cast<char>(der.back() ^ 1);
    const auto done = receive(headed(opaque_entity(der, "enveloped-data")));
    EXPECT_EQ(done.outcome.action, Action::accept);
}

TEST_F(GatewayDecrypt, ACorruptedKeyNeverGivesGarbageToTheRecipient)
{
    site.directory.put("keys/rsa.pem", pem_of(alice_rsa()));
    site.configure(in);
    const std::string der = cms_of(headed(envelope_of(text, {alice_rsa().certificate})));
    for (int i = 0; i < 600; ++i) {
        auto bad = der;
        const std::size_t place = bad.size() - 200 - static_cast<std::size_t>(i % 100);
        bad[place] = static_cast<char>(bad[place] ^ (1 + i / 100));
        const auto done = receive(headed(opaque_entity(bad, "enveloped-data")));
        ASSERT_EQ(done.outcome.action, Action::accept);
        ASSERT_FALSE(done.outcome.edits()) << i << " " << done.log;
    }
}

TEST_F(GatewayDecrypt, APartOfAMessageIsNeverDecrypted)
{
    site.configure(in);
    const std::string efail =
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        "<img src=\"http://evil.example/\r\n--b\r\n" +
        envelope_of(text, {alice_key().certificate}) + "--b--\r\n";
    const auto done = receive(headed(efail));
    EXPECT_FALSE(done.has("Attack"));
    EXPECT_FALSE(done.outcome.edits());
}

TEST_F(GatewayDecrypt, OnlyContentFieldsComeOut)
{
    site.configure(in);
    const auto done =
        receive(to_alice("Subject: evil\r\nBcc: x@x.example\r\nReceived: by evil\r\nFrom: "
                         "boss@example.org\r\nAuthentication-Results: mx.example.org; smime=pass\r\n"
                         "X-SMIME-Decrypted: yes\r\nContent-Language: en\r\n" +
                         text));
    EXPECT_EQ(done.fact("action"), "decrypt") << done.log;
    for (const char* word : {"evil", "Bcc", "boss", "Received", "smime=pass"})
        EXPECT_FALSE(done.has(word)) << word;
    EXPECT_TRUE(done.has("Content-Language: en\r\n"));
    EXPECT_EQ(done.octets.find("X-SMIME-Decrypted"), done.octets.rfind("X-SMIME-Decrypted"));
}

TEST_F(GatewayDecrypt, AForgedFieldThatClaimsItGoes)
{
    site.configure(in);
    const auto done = receive(replaced(headed(text), "Subject:", "X-SMIME-Decrypted: yes\r\nSubject:"));
    EXPECT_FALSE(done.has("X-SMIME-Decrypted"));
}

TEST_F(GatewayDecrypt, NothingIsDecryptedOnItsWayOut)
{
    site.configure("[rule all]\ndirection = any\ndecrypt = yes\n");
    auto envelope = Site::from_alice({"alice@example.org"});
    const auto octets = replaced(to_alice(), "carol@partner.example", "alice@example.org");
    const auto done = site.run(octets, envelope);
    EXPECT_FALSE(done.outcome.edits()) << done.log;
    EXPECT_EQ(receive(to_alice()).fact("action"), "decrypt");
}

TEST_F(GatewayDecrypt, RecipientsOfWhomOnlySomeWantIt)
{
    site.configure(
        "[rule alice]\ndirection = incoming\nrecipient = alice@example.org\ndecrypt = yes\n"
        "[rule rest]\nverify = yes\n");
    expect_untouched(to_alice(), "[rule alice] decrypts, but not for sales@example.org ([rule rest])",
                     {"alice@example.org", "sales@example.org"});
}

TEST_F(GatewayDecrypt, TripleDesOnlyWhereTheRuleAllowsIt)
{
    // Made as old programs did; our own side cannot make it.
    const base::Octets content = text;
    BIO* const source = BIO_new_mem_buf(content.data(), static_cast<int>(content.size()));
    STACK_OF(X509)* const who = sk_X509_new_null();
    sk_X509_push(who, alice_key().certificate.native());
    CMS_ContentInfo* const made = CMS_encrypt(who, source, EVP_des_ede3_cbc(), CMS_BINARY);
    unsigned char* der = nullptr;
    const int n = i2d_CMS_ContentInfo(made, &der);
    const std::string octets(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
    OPENSSL_free(der);
    CMS_ContentInfo_free(made);
    sk_X509_free(who);
    BIO_free(source);
    site.configure(in);
    expect_untouched(headed(opaque_entity(octets, "enveloped-data")), "decrypt=\"no: ");
    site.configure(in + "decrypt_3des = yes\n");
    EXPECT_EQ(receive(headed(opaque_entity(octets, "enveloped-data"))).fact("cipher"), "des3-cbc");
}

TEST_F(GatewayDecrypt, EnvelopesInEachOtherHaveALimit)
{
    site.configure(in);
    std::string entity = text;
    for (int depth = 1; depth <= 20; ++depth) {
        entity = envelope_of(entity, {alice_key().certificate});
        if (depth == 5) {
            const auto done = receive(headed(entity));
            EXPECT_EQ(done.fact("envelopes"), "5") << done.log;
            EXPECT_TRUE(done.has("Attack"));
        }
    }
    expect_untouched(headed(entity), "more than five envelopes in each other");
}

TEST_F(GatewayDecrypt, CompressedContentIsLeftAsItIs)
{
    site.configure(in);
    // id-smime-ct-compressedData with nothing much inside.
    const std::string type =
        cms::der::wrap(cms::der::object_identifier, "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x09");
    const std::string der = cms::der::wrap(
        cms::der::sequence, type + cms::der::wrap(0xA0, cms::der::wrap(cms::der::sequence, "")));
    const auto done = receive(headed(opaque_entity(der, "compressed-data")));
    EXPECT_FALSE(done.outcome.replace_body) << done.log;
    const auto inside = receive(to_alice(opaque_entity(der, "compressed-data")));
    EXPECT_EQ(inside.fact("action"), "decrypt") << inside.log;
    EXPECT_TRUE(inside.has("smime-type=compressed-data"));
}

TEST_F(GatewayDecrypt, TheTagGoesInFrontOfEveryOther)
{
    site.configure(in + "tag_decrypted = yes\non_invalid = tag\n");
    EXPECT_TRUE(receive(replaced(to_alice(), "Subject: plans", "Subject: [decrypted] plans"))
                    .has("\r\nSubject: [decrypted] plans\r\n"));
    const auto done = receive(to_alice(replaced(clear_signed(text, carol()), "dawn", "dusk")));
    EXPECT_TRUE(done.has("\r\nSubject: [decrypted] [signature invalid] plans\r\n")) << done.octets;
}

const std::string hidden =
    "From: Carol <carol@partner.example>\r\nSubject: =?utf-8?q?secret_pl=C3=A4ns?=\r\nKeywords: a, b\r\n"
    "Reply-To: evil@evil.example\r\nContent-Type: text/plain; hp=\"cipher\"; charset=utf-8\r\n\r\nAttack at "
    "dawn\r\n";

TEST_F(GatewayDecrypt, AHiddenSubjectIsShown)
{
    site.configure(in);
    for (const auto& entity : {hidden, clear_signed(hidden, carol())}) {
        const auto done = receive(replaced(to_alice(entity), "Subject: plans", "Subject: [...]"));
        EXPECT_TRUE(done.has("\r\nSubject: =?utf-8?q?secret_pl=C3=A4ns?=\r\n")) << done.octets << done.log;
        EXPECT_TRUE(done.has("\r\nKeywords: a, b\r\n"));
        EXPECT_TRUE(done.has("From: Carol <carol@partner.example>\r\nTo:"));
        EXPECT_EQ(done.octets.substr(0, done.octets.find("\r\n\r\n")).find("Reply-To"), std::string::npos);
    }
    const auto none = receive(replaced(to_alice(hidden), "Subject: plans\r\n", ""));
    EXPECT_TRUE(none.has("\r\nSubject: =?utf-8?q?secret_pl=C3=A4ns?=\r\n")) << none.octets;
}

TEST_F(GatewayDecrypt, ASubjectThatIsNotHiddenOrNotTheAuthorsIsNotReplaced)
{
    site.configure(in);
    const auto stays = [&](const std::string& entity, const std::string& subject) {
        auto done = receive(replaced(to_alice(entity), "Subject: plans", "Subject: " + subject));
        EXPECT_TRUE(done.has("\r\nSubject: " + subject + "\r\n")) << done.octets;
        return done;
    };
    stays(hidden, "plans");
    stays(replaced(hidden, "carol@", "boss@"), "[...]");
    stays(replaced(hidden, "cipher", "clear"), "[...]");
    stays(replaced(clear_signed(hidden, carol()), "dawn", "dusk"), "[...]");
    const auto other = stays(clear_signed(replaced(hidden, "carol@", "boss@"), carol()), "[...]");
    EXPECT_EQ(other.fact("status"), "policy") << other.log;
}

TEST_F(GatewayDecrypt, ADryRunTellsAndChangesNothing)
{
    site.configure(in + "dry_run = yes\n");
    const auto done = receive(to_alice());
    EXPECT_TRUE(done.says("action=decrypt")) << done.log;
    EXPECT_FALSE(done.outcome.edits());
}

// 41 MB of five opaque layers in each other took 250 MB, and were admitted as 82.
TEST_F(GatewayDecrypt, LayersInEachOtherAreAdmittedByWhatTheyTake)
{
    site.configure("[rule in]\ndirection = incoming\nverify = yes\n");
    const auto nested =
        receive(headed(opaque_signed(opaque_signed(opaque_signed(text, carol()), carol()), carol())));
    EXPECT_EQ(nested.at_header.weight, 5U);
    EXPECT_EQ(receive(headed(clear_signed(text, carol()))).at_header.weight, 1U);
}

}  // namespace
