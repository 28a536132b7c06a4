// Encrypting at the gateway: who gets what, and what never leaves in clear.
#include <gtest/gtest.h>

#include <ctime>

#include "cms/capabilities.h"
#include "cms/decrypt.h"
#include "gateway/header_protection.h"
#include "gateway_site.h"

namespace
{

using namespace fixture;
using gateway::Action;

const std::string text = "Attack at dawn \r\n.\r\n-- \r\n";
const std::string both = "carol@partner.example, dave@other.example";

std::string mail(const std::string& to = "carol@partner.example", const std::string& more = "")
{
    return "From: Alice <alice@example.org>\r\nTo: " + to +
           "\r\nSubject: plans\r\nDate: Mon, 01 Jun 2026 00:00:00 +0000\r\n" + more + "\r\n" + text;
}

std::string rule(const std::string& keys) { return "[rule out]\ndirection = outgoing\n" + keys; }

class GatewayEncrypt : public testing::Test
{
protected:
    void SetUp() override
    {
        site.knows(carol());
        site.knows(dave());
    }
    Site::Done send(const std::string& octets, std::vector<std::string> to)
    {
        auto done = site.run(octets, Site::from_alice(std::move(to)));
        EXPECT_FALSE(done.fact("action") == "encrypt" && done.outcome.edits() && done.has("Attack"))
            << done.octets;
        return done;
    }
    Site site;
};

TEST_F(GatewayEncrypt, WhatTheRecipientOpensIsWhatWasSent)
{
    site.configure(rule("encrypt = mandatory\n"));
    const auto done = send(mail(), {"carol@partner.example"});
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
    EXPECT_EQ(done.fact("cipher"), "aes256-cbc");
    EXPECT_EQ(done.fact("signed"), "no");
    EXPECT_TRUE(done.has("Subject: plans\r\n"));
    EXPECT_TRUE(done.has("smime-type=enveloped-data"));
    const auto inner = opened(done.octets, carol());
    EXPECT_NE(inner.find("Content-Type: text/plain; charset=us-ascii\r\n"), std::string::npos);
    const auto at = inner.find("\r\n\r\n");
    EXPECT_EQ(inner.substr(at + 4), "Attack at dawn=20\r\n=2E\r\n=2D-=20\r\n")
        << "in the form that survives the journey";
    EXPECT_EQ(opened(done.octets, dave()), "");
}

TEST_F(GatewayEncrypt, SignedFirstAndThenEncrypted)
{
    site.configure(rule("sign = clear\nencrypt = mandatory\n"));
    const auto done = send(mail(), {"carol@partner.example"});
    EXPECT_EQ(done.fact("signed"), "yes") << done.log;
    EXPECT_EQ(done.fact("signer"), "alice@example.org");
    EXPECT_FALSE(done.has("multipart/signed"));
    const auto inner = opened(done.octets, carol());
    EXPECT_EQ(judged(inner), "pass");
    EXPECT_NE(inner.find("Content-Type: multipart/signed"), std::string::npos);
    EXPECT_TRUE(std::none_of(inner.begin(), inner.end(), [](char c) { return (c & 0x80) != 0; }));
}

TEST_F(GatewayEncrypt, ASignatureThatCannotBeMadeDoesNotLetItOutInClear)
{
    std::filesystem::remove(site.directory / "keys/alice.pem");
    site.directory.put("keys/bob.pem", pem_of(pki().bob));
    site.configure(rule("sign = clear\nencrypt = mandatory\n"));
    const auto done = send(mail(), {"carol@partner.example"});
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
    EXPECT_EQ(done.fact("signed"), "no");
    EXPECT_TRUE(done.says("no certificate for alice@example.org")) << done.log;
}

TEST_F(GatewayEncrypt, CiphersByRule)
{
    for (const char* cipher : {"aes128-cbc", "aes192-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"}) {
        site.configure(rule("encrypt = mandatory\ncipher = " + std::string(cipher) + "\n"));
        const auto done = send(mail(both), {"carol@partner.example", "dave@other.example"});
        EXPECT_EQ(cipher_of(done.octets), cipher);
        EXPECT_EQ(done.has("smime-type=authEnveloped-data"), std::string(cipher).ends_with("gcm"));
        EXPECT_NE(opened(done.octets, carol()).find("Attack"), std::string::npos) << cipher;
        EXPECT_NE(opened(done.octets, dave()).find("Attack"), std::string::npos) << cipher;
    }
}

// SMIMECapabilities (RFC 4262) with the algorithms named.
cms::Identity able(const cms::Identity& who, const std::vector<const char*>& names)
{
    std::string list;
    for (const char* name : names) list += algorithm(name);
    auto out = who;
    out.certificate = altered(who.certificate, pki().sub, [&](X509* x) {
        add_extension_der(x, "1.2.840.113549.1.9.15", false, cms::der::wrap(cms::der::sequence, list));
    });
    return out;
}

TEST_F(GatewayEncrypt, TheStrongestCipherThatAllCanReadIsUsed)
{
    const auto gcm = able(carol(), {"id-aes256-GCM", "AES-256-CBC", "DES-EDE3-CBC"});
    const auto weak = able(dave(), {"AES-128-CBC", "DES-EDE3-CBC"});
    const auto old = able(dave(), {"DES-EDE3-CBC"});
    EXPECT_EQ(cms::capabilities(gcm.certificate),
              (std::vector{cms::Cipher::aes256_gcm, cms::Cipher::aes256_cbc}));
    EXPECT_EQ(cms::capabilities(dave().certificate), std::nullopt);
    const auto common = [](const std::vector<cms::Certificate>& who) {
        return cms::name(cms::common_cipher(who));
    };
    EXPECT_STREQ(common({gcm.certificate}), "aes256-gcm");
    EXPECT_STREQ(common({gcm.certificate, dave().certificate}), "aes256-cbc");
    EXPECT_STREQ(common({weak.certificate, dave().certificate}), "aes128-cbc");
    EXPECT_STREQ(common({old.certificate}), "aes128-cbc");
    EXPECT_STREQ(common({dave().certificate}), "aes256-cbc");

    site.knows(weak);
    site.configure(rule("encrypt = mandatory\n"));
    const auto done = send(mail(both), {"carol@partner.example", "dave@other.example"});
    EXPECT_EQ(cipher_of(done.octets), "aes128-cbc") << done.log;
}

TEST_F(GatewayEncrypt, OaepByRule)
{
    site.configure(rule("encrypt = mandatory\nkey_transport = oaep\n"));
    const auto done = send(mail(), {"carol@partner.example"});
    EXPECT_NE(cms_of(done.octets).find(oid("rsaesOaep").substr(2)), std::string::npos);
    EXPECT_NE(opened(done.octets, carol()).find("Attack"), std::string::npos);
}

TEST_F(GatewayEncrypt, CertificatesThatMayNotBeUsedAreNotUsed)
{
    struct Row {
        std::function<void(cms::CertificateRequest&)> change;
        const char* why;
    };
    const std::vector<Row> table = {
        {[](auto& r) { r.not_after = at("2026-05-01"); }, "expired 2026-05-01"},
        {[](auto& r) { r.not_before = at("2026-07-01"); }, "not valid before 2026-07-01"},
        {[](auto& r) { r.key_usage = "digitalSignature"; }, "its key usage lacks key"},
        {[](auto& r) { r.extended_key_usage = "serverAuth"; },
         "its extended key usage does not allow e-mail"},
        {[](auto& r) { r.addresses = {"someone@else.example"}; }, "no certificate"},
        {[](auto& r) { r.ed25519 = true, r.key_usage = "none"; }, "its key (Ed25519) cannot receive keys"},
        {[](auto& r) { r.ec = false, r.rsa_bits = 1024; }, "its key has 1024 bits, wanted 2048 to 8192"},
    };
    for (const auto& row : table) {
        site.directory.put("certificates/frank.pem",
                           cms::to_pem(person("frank@x.example", row.change).certificate));
        site.configure(rule("encrypt = mandatory\n"));
        const auto done = send(mail("frank@x.example"), {"frank@x.example"});
        EXPECT_EQ(done.outcome.action, Action::reject) << row.why;
        EXPECT_NE(done.reply().find(row.why), std::string::npos) << done.reply();
        EXPECT_NE(done.reply().find("frank@x.example"), std::string::npos) << done.reply();
        EXPECT_EQ(done.outcome.reply_code, "550");
    }
}

TEST_F(GatewayEncrypt, AHugeKeyIsNotComputedWith)
{
    auto huge = carol();
    huge.certificate = rsa_certificate(16384, "65537", carol().certificate);
    site.knows(huge);
    site.configure(rule("encrypt = mandatory\n"));
    const auto done = send(mail(), {"carol@partner.example"});
    EXPECT_EQ(done.outcome.action, Action::reject) << done.log;
    EXPECT_NE(done.reply().find("16384"), std::string::npos) << done.reply();
}

TEST_F(GatewayEncrypt, OfAnUnknownIssuerOnlyWhenPinned)
{
    auto r = request("Grace", {"grace@x.example"});
    const auto grace = must(cms::issue(r, nullptr));
    site.knows(grace);
    site.configure(rule("encrypt = mandatory\n"));
    EXPECT_EQ(send(mail("grace@x.example"), {"grace@x.example"}).outcome.action, Action::reject);
    site.knows(grace, "pinned/grace@x.example");
    site.configure(rule("encrypt = mandatory\n"));
    const auto done = send(mail("grace@x.example"), {"grace@x.example"});
    EXPECT_NE(opened(done.octets, grace).find("Attack"), std::string::npos) << done.log;
}

TEST_F(GatewayEncrypt, ARevokedCertificateIsNotUsedPinnedOrNot)
{
    site.directory.put("trust/list.crl", make_crl(pki().sub, {carol().certificate}));
    site.configure(rule("encrypt = mandatory\n"), "crl = local\n");
    EXPECT_NE(send(mail(), {"carol@partner.example"}).reply().find("revoked"), std::string::npos);
    site.knows(carol(), "pinned/carol@partner.example");
    site.configure(rule("encrypt = mandatory\n"), "crl = local\n");
    EXPECT_NE(send(mail(), {"carol@partner.example"}).reply().find("revoked"), std::string::npos);
}

TEST_F(GatewayEncrypt, WhatCannotBeToldAtTheMomentIsTriedAgain)
{
    site.configure(rule("encrypt = mandatory\n"), "crl = local\nrevocation_fail = hard\n");
    const auto done = send(mail(), {"carol@partner.example"});
    EXPECT_EQ(done.outcome.action, Action::tempfail);
    EXPECT_EQ(done.outcome.reply_enhanced, "4.7.5");
}

TEST_F(GatewayEncrypt, ThePinnedOneFirstThenTheNewest)
{
    const auto older = person("henry@x.example");
    const auto newer = person("henry@x.example", [](auto& r) { r.not_before = at("2026-05-01"); });
    const auto pinned = person("henry@x.example", [](auto& r) { r.not_before = at("2025-05-01"); });
    site.knows(older, "certificates/1");
    site.knows(newer, "certificates/2");
    site.configure(rule("encrypt = mandatory\n"));
    auto done = send(mail("henry@x.example"), {"henry@x.example"});
    EXPECT_NE(opened(done.octets, newer), "");
    EXPECT_EQ(opened(done.octets, older), "");

    site.configure(rule("encrypt = mandatory\nrecipient_certificates = all\n"));
    done = send(mail("henry@x.example"), {"henry@x.example"});
    EXPECT_EQ(recipient_infos(done.octets), 2U);
    EXPECT_NE(opened(done.octets, older), "");

    site.knows(pinned, "pinned/henry@x.example");
    site.configure(rule("encrypt = mandatory\n"));
    done = send(mail("henry@x.example"), {"henry@x.example"});
    EXPECT_NE(opened(done.octets, pinned), "");
    EXPECT_EQ(opened(done.octets, newer), "");
}

TEST_F(GatewayEncrypt, TheGatewayOfADomainDecryptsForThoseWithoutACertificate)
{
    const auto gateway = must(cms::issue(request("Gateway of partner.example"), &pki().sub));
    site.knows(gateway, "pinned/@partner.example");
    site.configure(rule("encrypt = mandatory\n"));
    const std::vector<std::string> to{"ivan@partner.example"};
    EXPECT_NE(opened(send(mail("ivan@partner.example"), to).octets, gateway), "");
    EXPECT_EQ(send(mail("ivan@sub.partner.example"), {"ivan@sub.partner.example"}).outcome.action,
              Action::reject);
    // A certificate of their own comes first, unless the rule says otherwise.
    EXPECT_EQ(opened(send(mail(), {"carol@partner.example"}).octets, gateway), "");
    site.configure(rule("encrypt = mandatory\nprefer_domain = yes\n"));
    EXPECT_NE(opened(send(mail(), {"carol@partner.example"}).octets, gateway), "");
}

TEST_F(GatewayEncrypt, OurOwnUsersNeedNoOtherFile)
{
    site.configure("[rule house]\ndirection = internal\nencrypt = mandatory\n");
    const auto done = send(mail("alice@example.org"), {"alice@example.org"});
    EXPECT_NE(opened(done.octets, pki().alice).find("Attack"), std::string::npos) << done.log;
}

TEST_F(GatewayEncrypt, MandatoryWithoutACertificateIsRefusedAndNamesWho)
{
    site.configure(rule("encrypt = mandatory\n"));
    const auto done =
        send(mail(both + ", judy@x.example, kim@x.example"),
             {"carol@partner.example", "judy@x.example", "dave@other.example", "kim@x.example"});
    EXPECT_EQ(done.outcome.action, Action::reject);
    EXPECT_EQ(done.reply(),
              "550 5.7.1 this message must be encrypted and cannot be: no certificate can be used for "
              "judy@x.example (no certificate), kim@x.example (no certificate)");
    EXPECT_FALSE(done.outcome.edits());
}

TEST_F(GatewayEncrypt, OpportunisticIsAllOrNothing)
{
    site.configure(rule("encrypt = opportunistic\n"));
    EXPECT_EQ(send(mail(both), {"carol@partner.example", "dave@other.example"}).fact("action"), "encrypt");
    const auto done = send(mail(both + ", judy@x.example"),
                           {"carol@partner.example", "dave@other.example", "judy@x.example"});
    EXPECT_EQ(done.outcome.action, Action::accept);
    EXPECT_FALSE(done.outcome.edits());
    EXPECT_TRUE(done.says("encrypt=\"no: no certificate can be used for judy@x.example (no certificate)\""))
        << done.log;
}

TEST_F(GatewayEncrypt, OpportunisticStillSigns)
{
    site.configure(rule("sign = clear\nencrypt = opportunistic\n"));
    const auto done = send(mail("judy@x.example"), {"judy@x.example"});
    EXPECT_EQ(done.fact("action"), "sign");
    EXPECT_EQ(judged(done.octets), "pass");
}

TEST_F(GatewayEncrypt, RecipientsOfWhomOnlySomeWantIt)
{
    const std::string two = "[rule partner]\ndirection = outgoing\nrecipient = *@partner.example\nencrypt = ";
    site.configure(two + "mandatory\n" + rule("encrypt = no\n"));
    auto done = send(mail(both), {"carol@partner.example", "dave@other.example"});
    EXPECT_EQ(done.outcome.action, Action::reject);
    EXPECT_NE(done.reply().find("dave@other.example ([rule out])"), std::string::npos) << done.reply();

    site.configure(two + "opportunistic\n" + rule("encrypt = no\n"));
    done = send(mail(both), {"carol@partner.example", "dave@other.example"});
    EXPECT_EQ(done.outcome.action, Action::accept);
    EXPECT_TRUE(done.has("Attack"));
    EXPECT_TRUE(
        done.says("encrypt=\"no: [rule partner] encrypts, but not for dave@other.example ([rule out])\""))
        << done.log;

    site.configure(two + "mandatory\n" + rule("encrypt = opportunistic\n"));
    done = send(mail(both), {"carol@partner.example", "dave@other.example"});
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
}

TEST_F(GatewayEncrypt, BlindCopiesAreNotToldToOthers)
{
    const std::vector<std::string> to{"carol@partner.example", "dave@other.example"};
    for (const char* mode : {"mandatory", "opportunistic"}) {
        site.configure(rule("encrypt = " + std::string(mode) + "\n"));
        const auto done = send(mail(), to);
        EXPECT_EQ(done.outcome.action, Action::reject) << mode;
        EXPECT_NE(done.reply().find("dave@other.example in neither To nor Cc"), std::string::npos)
            << done.reply();
    }
    site.configure(rule("encrypt = opportunistic\nencrypt_bcc = plain\n"));
    auto done = send(mail(), to);
    EXPECT_TRUE(done.has("Attack")) << done.log;
    site.configure(rule("encrypt = mandatory\nencrypt_bcc = leak\n"));
    done = send(mail(), to);
    EXPECT_EQ(recipient_infos(done.octets), 2U);
    // Alone, nobody learns of anybody.
    site.configure(rule("encrypt = mandatory\n"));
    done = send(mail("undisclosed-recipients:;"), {"dave@other.example"});
    EXPECT_EQ(recipient_infos(done.octets), 1U) << done.log;
}

TEST_F(GatewayEncrypt, ToAndCcAndGroupsAreNoBlindCopies)
{
    site.configure(rule("encrypt = mandatory\n"));
    const auto done =
        send(mail("Friends: \"Carol\" <CAROL@partner.example>;", "Cc: dave@other.example (D)\r\n"),
             {"carol@partner.example", "dave@other.example"});
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
}

TEST_F(GatewayEncrypt, TheAuthorAsksForItByAFieldAndTheFieldGoes)
{
    site.configure(rule("encrypt = on_request\n"));
    EXPECT_FALSE(send(mail(), {"carol@partner.example"}).outcome.edits());
    auto done = send(mail("carol@partner.example", "X-SMIME-Encrypt: yes\r\n"), {"carol@partner.example"});
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
    EXPECT_FALSE(done.has("X-SMIME-Encrypt"));
    EXPECT_EQ(done.fact("requested"), "X-SMIME-Encrypt: yes");
    // What was asked for is not left out.
    done = send(mail("judy@x.example", "X-SMIME-Encrypt: yes\r\n"), {"judy@x.example"});
    EXPECT_EQ(done.outcome.action, Action::reject);
    // And what nobody can mistake for a "no" is a "yes".
    done = send(mail("carol@partner.example", "X-SMIME-Encrypt: no\r\nX-SMIME-Encrypt: aye\r\n"),
                {"carol@partner.example"});
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
}

TEST_F(GatewayEncrypt, TheAuthorMayDeclineWhatIsOpportunisticOnly)
{
    const auto declined = mail("carol@partner.example", "X-SMIME-Encrypt: no\r\n");
    site.configure(rule("encrypt = opportunistic\n"));
    auto done = send(declined, {"carol@partner.example"});
    EXPECT_TRUE(done.has("Attack"));
    EXPECT_TRUE(done.says("the author asks for none")) << done.log;
    EXPECT_FALSE(done.has("X-SMIME-Encrypt"));
    site.configure(rule("encrypt = mandatory\n"));
    done = send(declined, {"carol@partner.example"});
    EXPECT_EQ(done.fact("action"), "encrypt");
}

TEST_F(GatewayEncrypt, AKeywordInTheSubjectAsksForItAndIsRemoved)
{
    site.configure(rule("encrypt = on_request\nencrypt_keyword = [secure]\n"));
    for (const char* subject :
         {"[Secure] plans", "plans [SECURE]", "=?utf-8?q?=5Bsecure=5D_plans?=", "[secure][secure] plans"}) {
        const auto done = send(replaced(mail(), "Subject: plans", "Subject: " + std::string(subject)),
                               {"carol@partner.example"});
        EXPECT_EQ(done.fact("action"), "encrypt") << subject << done.log;
        EXPECT_TRUE(done.has("\r\nSubject: plans\r\n")) << done.octets;
    }
    EXPECT_FALSE(send(mail(), {"carol@partner.example"}).outcome.edits());
}

TEST_F(GatewayEncrypt, SensitivityAsksForItWhereTheRuleSaysSo)
{
    const auto confidential = mail("carol@partner.example", "Sensitivity: Company-Confidential\r\n");
    site.configure(rule("encrypt = on_request\n"));
    EXPECT_FALSE(send(confidential, {"carol@partner.example"}).outcome.edits());
    site.configure(rule("encrypt = on_request\nencrypt_sensitivity = yes\n"));
    EXPECT_EQ(send(confidential, {"carol@partner.example"}).fact("action"), "encrypt");
}

TEST_F(GatewayEncrypt, WhatIsAskedForWhereNoRuleEncryptsIsRefused)
{
    const auto asked = mail("carol@partner.example", "X-SMIME-Encrypt: yes\r\n");
    for (const char* rules : {"sign = clear\n", "encrypt = no\n"}) {
        site.configure(rule(rules));
        const auto done = send(asked, {"carol@partner.example"});
        EXPECT_EQ(done.outcome.action, Action::reject) << rules;
        EXPECT_NE(done.reply().find("encryption was asked for (X-SMIME-Encrypt: yes)"), std::string::npos)
            << done.reply();
    }
    site.configure("[rule in]\nverify = yes\n");
    EXPECT_EQ(send(asked, {"carol@partner.example"}).outcome.action, Action::reject) << "no rule at all";
}

TEST_F(GatewayEncrypt, WhoMayNotSpeakForTheAuthorAsksInVainAndNothingLeaves)
{
    site.configure(rule("encrypt = on_request\n"));
    auto envelope = Site::from_alice({"carol@partner.example"});
    envelope.login = "mallory@example.org";
    const auto done = site.run(mail("carol@partner.example", "X-SMIME-Encrypt: yes\r\n"), envelope);
    EXPECT_EQ(done.outcome.action, Action::reject);
    EXPECT_NE(done.reply().find("mallory@example.org may not sign as alice@example.org"), std::string::npos)
        << done.reply();
}

TEST_F(GatewayEncrypt, FromOutsideTheFieldMeansNothingAndGoes)
{
    site.configure(rule("encrypt = on_request\n") + "[rule in]\nverify = yes\n");
    const auto done = site.run(mail("alice@example.org", "X-SMIME-Encrypt: yes\r\n"),
                               Site::from_outside({"alice@example.org"}));
    EXPECT_EQ(done.outcome.action, Action::accept);
    EXPECT_FALSE(done.has("X-SMIME-Encrypt"));
    EXPECT_TRUE(done.has("Attack"));
}

TEST_F(GatewayEncrypt, WhatTheAuthorHasEncryptedIsEncrypted)
{
    site.configure(rule("encrypt = mandatory\n"));
    const auto first = send(mail(), {"carol@partner.example"});
    const auto again = send(first.octets, {"carol@partner.example"});
    EXPECT_EQ(again.outcome.action, Action::accept);
    EXPECT_FALSE(again.outcome.edits());
    EXPECT_EQ(again.fact("encrypt"), "by the author");
    // A mere claim is none.
    auto lie = send(
        mail("carol@partner.example", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n"),
        {"carol@partner.example"});
    EXPECT_EQ(lie.fact("action"), "encrypt") << lie.log;
    lie = send(mail("carol@partner.example", "Content-Type: multipart/encrypted; boundary=b\r\n"),
               {"carol@partner.example"});
    EXPECT_EQ(lie.fact("action"), "encrypt") << lie.log;
}

TEST_F(GatewayEncrypt, ProgramsAreNotSentEncryptedMailOpportunistically)
{
    site.configure(rule("encrypt = opportunistic\n"));
    for (const char* field :
         {"Auto-Submitted: auto-replied\r\n", "List-Id: <x.example.org>\r\n", "DKIM-Signature: v=1\r\n",
          "Resent-From: alice@example.org\r\n", "Content-Type: multipart/report; boundary=b\r\n",
          "Content-Type: multipart/encrypted; boundary=b\r\n"})
        EXPECT_FALSE(send(mail("carol@partner.example", field), {"carol@partner.example"}).outcome.edits())
            << field;
    site.configure(rule("encrypt = mandatory\n"));
    EXPECT_EQ(send(mail("carol@partner.example", "List-Id: <x.example.org>\r\n"), {"carol@partner.example"})
                  .fact("action"),
              "encrypt");
}

TEST_F(GatewayEncrypt, WhatHasNoSevenBitFormIsEncryptedAsItIs)
{
    site.configure(rule("encrypt = mandatory\n"));
    const std::string odd =
        "From: Alice <alice@example.org>\r\nTo: carol@partner.example\r\nContent-Type: "
        "multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nGr\xC3\xBC\xC3\x9F"
        "e\r\n--bad\r\nno close delimiter\r\n";
    const auto done = send(odd, {"carol@partner.example"});
    const auto inner = opened(done.octets, carol());
    EXPECT_NE(inner.find("Gr"), std::string::npos) << done.log;
}

TEST_F(GatewayEncrypt, TheArchiveCanReadItToo)
{
    const auto archive = must(cms::issue(request("Archive"), nullptr));
    site.directory.put("archive.pem", cms::to_pem(archive.certificate));
    site.configure(rule("encrypt = mandatory\narchive = @dir@/archive.pem\n"));
    const auto done = send(mail(), {"carol@partner.example"});
    EXPECT_NE(opened(done.octets, archive).find("Attack"), std::string::npos) << done.log;
    EXPECT_EQ(done.fact("certificates"), "1");
    EXPECT_THROW(site.configure(rule("encrypt = mandatory\narchive = @dir@/missing.pem\n")),
                 std::runtime_error);
}

TEST_F(GatewayEncrypt, TooManyRecipientsForOneMessage)
{
    std::vector<std::string> to;
    std::string list;
    for (int i = 0; i < 5000; ++i) {
        to.push_back("user" + std::to_string(i) + "@partner.example");
        list += (list.empty() ? "" : ",\r\n ") + to.back();
    }
    site.configure(rule("encrypt = mandatory\n"));
    const auto done = send(mail(list), to);
    EXPECT_EQ(done.outcome.action, Action::reject);
    EXPECT_NE(done.reply().find("more than 1000 recipients"), std::string::npos) << done.reply();
}

TEST_F(GatewayEncrypt, TooLargeIsRefusedNotSentInClear)
{
    site.configure(rule("encrypt = mandatory\n"), "", "max_message_size = 4K\n");
    const auto done = send(mail() + std::string(5000, 'x') + "\r\n", {"carol@partner.example"});
    EXPECT_EQ(done.outcome.action, Action::reject);
    EXPECT_EQ(done.outcome.reply_code, "552");
}

TEST_F(GatewayEncrypt, ADryRunTellsAndChangesNothing)
{
    site.configure(rule("encrypt = mandatory\ndry_run = yes\n"));
    const auto done = send(mail(), {"carol@partner.example"});
    EXPECT_TRUE(done.says("action=encrypt")) << done.log;
    EXPECT_FALSE(done.outcome.edits());
}

TEST_F(GatewayEncrypt, TheBodyIsWaitedForAndItsWorkIsCounted)
{
    site.configure(rule("encrypt = on_request\n"));
    const auto asked =
        send(mail("carol@partner.example", "X-SMIME-Encrypt: yes\r\n"), {"carol@partner.example"});
    EXPECT_EQ(asked.at_header.need, gateway::Need::body);
    EXPECT_EQ(asked.at_header.weight, 5U);
    EXPECT_EQ(send(mail(), {"carol@partner.example"}).at_header.need, gateway::Need::nothing);
}

const std::string baseline =
    "encrypt = mandatory\nheader_protection = baseline\nencrypt_keyword = [secure]\n";

TEST_F(GatewayEncrypt, TheSubjectGoesInside)
{
    site.configure(rule("sign = clear\n" + baseline));
    const auto done = send(replaced(mail("carol@partner.example", "Keywords: a\r\nIn-Reply-To: <1@x>\r\n"),
                                    "Subject: plans", "Subject: [secure] =?utf-8?q?pl=C3=A4ns?= & <more>"),
                           {"carol@partner.example"});
    EXPECT_EQ(done.fact("subject"), "hidden") << done.log;
    EXPECT_TRUE(done.has("\r\nSubject: [...]\r\n")) << done.octets;
    EXPECT_FALSE(done.has("Keywords"));
    EXPECT_TRUE(done.has("In-Reply-To: <1@x>\r\n"));
    const auto inner = opened(done.octets, carol());
    EXPECT_EQ(judged(inner), "pass");
    const auto payload = must(base::Result<std::string>(inner));
    for (const char* line :
         {"\r\nFrom: Alice <alice@example.org>\r\n", "\r\nSubject: =?utf-8?", "\r\nKeywords: a\r\n",
          "\r\nHP-Outer: From: Alice <alice@example.org>\r\n", "\r\nHP-Outer: Subject: [...]\r\n",
          "\r\nHP-Outer: In-Reply-To: <1@x>\r\n", "hp=\"cipher\""})
        EXPECT_NE(payload.find(line), std::string::npos) << line << payload;
    EXPECT_EQ(payload.find("HP-Outer: Keywords"), std::string::npos);
}

TEST_F(GatewayEncrypt, AReaderWithoutHeaderProtectionSeesTheSubjectInTheText)
{
    site.configure(rule(baseline));
    auto done = send(mail(), {"carol@partner.example"});
    auto inner = opened(done.octets, carol());
    // What comes out has lost hp="cipher": outside an envelope it would be a lie.
    EXPECT_EQ(inner.find("hp=\"cipher\""), std::string::npos) << inner;
    EXPECT_NE(inner.find("Subject: plans\r\n\r\nAttack at dawn"), std::string::npos) << inner;

    const std::string mixed =
        "From: Alice <alice@example.org>\r\nTo: carol@partner.example\r\nSubject: a <b>\r\nMIME-Version: "
        "1.0\r\n"
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; "
        "boundary=i\r\n\r\n"
        "--i\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
        "base64\r\n\r\nR3LDvMOfZQ==\r\n"
        "--i\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>Hello</body></html>\r\n--i--\r\n"
        "--o\r\nContent-Type: text/plain; name=notes.txt\r\nContent-Disposition: "
        "attachment\r\n\r\nattached\r\n--o--\r\n";
    done = send(mixed, {"carol@partner.example"});
    inner = opened(done.octets, carol());
    EXPECT_NE(inner.find("hp-legacy-display=\"1\""), std::string::npos) << inner;
    EXPECT_NE(inner.find("Subject: a <b>\r\n\r\nGr=C3=BC=C3=9Fe"), std::string::npos) << inner;
    EXPECT_NE(inner.find("<html><body><div class=\"header-protection-legacy-display\"><pre>Subject: a "
                         "&lt;b&gt;</pre></div>"),
              std::string::npos)
        << inner;
    EXPECT_NE(inner.find("Content-Disposition: attachment\r\n\r\nattached\r\n"), std::string::npos);
}

TEST_F(GatewayEncrypt, WhatWeHideWeShowAgain)
{
    site.configure("[rule house]\ndirection = internal\nsign = clear\n" + baseline +
                   "[rule in]\ndirection = incoming\ndecrypt = yes\nverify = yes\n");
    const auto sent = send(mail("alice@example.org", "Keywords: k\r\n"), {"alice@example.org"});
    EXPECT_TRUE(sent.has("\r\nSubject: [...]\r\n"));
    const auto done = site.run(sent.octets, Site::from_outside({"alice@example.org"}));
    EXPECT_TRUE(done.has("\r\nSubject: plans\r\n")) << done.log << done.octets;
    EXPECT_EQ(done.fact("status"), "pass");
    EXPECT_EQ(done.fact("subject"), "restored");
}

TEST_F(GatewayEncrypt, AHeaderIsNeverHiddenWithoutEncryption)
{
    site.configure(rule("sign = clear\nencrypt = opportunistic\nheader_protection = baseline\n"));
    const auto done = send(mail("judy@x.example"), {"judy@x.example"});
    EXPECT_EQ(done.fact("action"), "sign");
    EXPECT_FALSE(done.has("hp="));
    EXPECT_TRUE(done.has("Subject: plans"));
}

// The mixture is refused when the rules are applied; that the message is too large to be
// looked at must not make it forget that.
TEST_F(GatewayEncrypt, WhatIsTooLargeDoesNotLeaveInClearBesideAStranger)
{
    site.configure(
        "[rule partner]\ndirection = outgoing\nrecipient = *@partner.example\nencrypt = mandatory\n", "",
        "max_message_size = 64K\n");
    const std::string large =
        mail("carol@partner.example, judy@x.example") + std::string(70'000, 'x') + "\r\n";
    const auto alone = send(large, {"carol@partner.example"});
    EXPECT_EQ(alone.reply().substr(0, 9), "552 5.3.4") << alone.log;
    const auto mixed = send(large, {"carol@partner.example", "judy@x.example"});
    EXPECT_EQ(mixed.outcome.action, Action::reject) << mixed.log;
    // The author asked for it, and no rule can do it.
    const auto asked = send("X-SMIME-Encrypt: yes\r\n" + large, {"judy@x.example"});
    EXPECT_EQ(asked.outcome.action, Action::reject) << asked.log;
}

// "alice@example.org <alice@example.org>" is no valid From, and every reader shows it as
// alice's: rules about her that demand something must not lose her.
TEST_F(GatewayEncrypt, AMalformedFromDoesNotEvadeARuleThatDemands)
{
    site.configure("[rule staff]\ndirection = outgoing\nsender = *@example.org\nencrypt = mandatory\n");
    for (const char* from :
         {"alice@example.org <alice@example.org>", "<alice@example.org>, <bob@example.org>",
          "Alice <alice@example.org", "staff: alice@example.org;", "=?utf-8?q?alice=40example=2Eorg?="}) {
        const auto done =
            send(replaced(mail(), "Alice <alice@example.org>", from), {"carol@partner.example"});
        EXPECT_FALSE(done.has("Attack") && done.outcome.action == Action::accept) << from << "\n" << done.log;
    }
}

// The keyword of the partners' rule is one for everybody: whoever writes it does not know
// which rule applies to whom.
TEST_F(GatewayEncrypt, AKeywordOfAnotherRecipientsRuleIsNotOverlooked)
{
    site.configure(
        "[rule partner]\ndirection = outgoing\nrecipient = *@partner.example\nencrypt = on_request\n"
        "encrypt_keyword = [secure]\n[rule all]\ndirection = outgoing\nsign = clear\n"
        "[rule in]\ndirection = incoming\nverify = yes\n");
    const auto octets = replaced(mail("judy@x.example"), "Subject: plans", "Subject: [Secure] plans");
    const auto done = send(octets, {"judy@x.example"});
    EXPECT_EQ(done.outcome.action, Action::reject) << done.log;
    EXPECT_TRUE(done.says("no rule encrypts for judy@x.example")) << done.log;
    EXPECT_EQ(send(octets, {"carol@partner.example"}).fact("action"), "encrypt");
    // Mail from outside asks for nothing.
    EXPECT_EQ(site.run(octets, Site::from_outside({"alice@example.org"})).outcome.action, Action::accept);
}

// Each of ten thousand parts would show the Subject: neither that many copies of a long one
// nor moving what follows for each.
TEST_F(GatewayEncrypt, AHiddenSubjectIsNotMultipliedByThePartsThatShowIt)
{
    const auto with = [](const std::string& subject) {
        std::string octets =
            "From: Alice <alice@example.org>\r\nSubject: " + subject +
            "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n";
        for (int i = 0; i < 9000; ++i)
            octets += "--b\r\nContent-Type: text/plain\r\n\r\n" + std::string(900, 'x') + "\r\n";
        return octets + "--b--\r\n";
    };
    const auto began = std::clock();
    const auto brief = must(gateway::protect(message(with("plans")), std::nullopt));
    EXPECT_NE(brief.message->octets().find("Subject: plans\r\n\r\nxxx"), std::string::npos);
    const auto octets = with(std::string(90'000, 's'));
    const auto wordy = must(gateway::protect(message(octets), std::nullopt));
    EXPECT_LT(wordy.message->size(), 2 * octets.size());
    EXPECT_LT(static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC, 8.0);
}

}  // namespace
