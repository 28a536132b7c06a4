// Splitting: out at the entrance, sealed, and back for each recipient apart.
#include <gtest/gtest.h>

#include "cms/seal.h"
#include "gateway/split.h"
#include "gateway_site.h"

namespace
{

using namespace fixture;
using gateway::Action;

const std::string rules =
    "[split]\nkey = @dir@/split.key\nentrance = submission\nreentry = back\n"
    "[rule partner]\ndirection = outgoing\nrecipient = *@partner.example, *@other.example\nsign = clear\n"
    "encrypt = mandatory\nencrypt_keyword = [secure]\n"
    "[rule out]\ndirection = outgoing\nsign = clear\nencrypt = opportunistic\n";

std::string mail(const std::string& more = "")
{
    return "From: Alice <alice@example.org>\r\nTo: carol@partner.example, judy@x.example\r\nSubject: "
           "plans\r\n"
           "Date: Mon, 01 Jun 2026 00:00:00 +0000\r\n" +
           more + "\r\nAttack at dawn\r\n";
}

class Splitting : public testing::Test
{
protected:
    void SetUp() override
    {
        site.knows(carol());
        site.knows(dave());
        site.configure(rules);
    }
    Site::Done enter(const std::string& octets, std::vector<std::string> to)
    {
        auto envelope = Site::from_alice(std::move(to));
        envelope.listener = "submission";
        return site.run(octets, envelope);
    }
    // As the MTA hands it in again: from itself, nobody logged in, another Received.
    Site::Done back(const std::string& octets, std::vector<std::string> to)
    {
        auto envelope = Site::from_outside(std::move(to));
        envelope.client = "127.0.0.1";
        envelope.mail_from = "alice@example.org";
        envelope.listener = "back";
        return site.run(
            "Received: from localhost by mx.example.org; Mon, 01 Jun 2026 00:00:01 +0000\r\n" + octets,
            envelope);
    }
    Site site;
};

const std::vector<std::string> two{"carol@partner.example", "judy@x.example"};

TEST_F(Splitting, EachRecipientGetsWhatFits)
{
    const auto out = enter(mail(), two);
    EXPECT_EQ(out.fact("action"), "split") << out.log;
    EXPECT_TRUE(out.has("X-SMIME-Split: 1\r\n"));
    EXPECT_FALSE(out.has("Attack"));
    EXPECT_FALSE(out.has("QXR0YWNr")) << "base64 of it";

    const auto for_carol = back(out.octets, {"carol@partner.example"});
    EXPECT_EQ(for_carol.fact("action"), "encrypt") << for_carol.log;
    EXPECT_EQ(for_carol.fact("signed"), "yes");
    EXPECT_EQ(for_carol.fact("login"), "alice@example.org");
    EXPECT_FALSE(for_carol.has("X-SMIME-Split"));
    EXPECT_EQ(recipient_infos(for_carol.octets), 1U);
    const auto inner = opened(for_carol.octets, carol());
    EXPECT_EQ(judged(inner), "pass");
    EXPECT_NE(inner.find("Attack at dawn\r\n"), std::string::npos);

    const auto for_judy = back(out.octets, {"judy@x.example"});
    EXPECT_EQ(for_judy.fact("action"), "sign") << for_judy.log;
    EXPECT_EQ(judged(for_judy.octets), "pass");
    EXPECT_FALSE(for_judy.has("sealed"));
    EXPECT_FALSE(for_judy.has("Sealed"));
}

TEST_F(Splitting, WhatNeedsNoSplittingGoesStraight)
{
    EXPECT_EQ(enter(mail(), {"carol@partner.example"}).fact("action"), "encrypt");
    const auto done = enter(replaced(mail(), "judy@x.example", "dave@other.example"),
                            {"carol@partner.example", "dave@other.example"});
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
    EXPECT_EQ(recipient_infos(done.octets), 2U);
    auto elsewhere = Site::from_alice(two);
    elsewhere.listener = "smtp";
    const auto refused = site.run(mail(), elsewhere);
    EXPECT_EQ(refused.outcome.action, Action::reject) << "no entrance, and not every copy can be encrypted";
    EXPECT_NE(refused.reply().find("judy@x.example"), std::string::npos);
}

TEST_F(Splitting, BlindCopiesGoApart)
{
    const std::vector<std::string> to{"carol@partner.example", "dave@other.example"};
    const auto out = enter(mail(), to);
    EXPECT_EQ(out.fact("action"), "split") << out.log;
    for (const auto& [who, identity] : {std::pair(to[0], &carol()), std::pair(to[1], &dave())}) {
        const auto done = back(out.octets, {who});
        EXPECT_EQ(recipient_infos(done.octets), 1U);
        EXPECT_NE(opened(done.octets, *identity), "");
    }
}

TEST_F(Splitting, AllCopiesHaveTheCipherOfTheEntrance)
{
    const auto weak = [] {
        auto out = dave();
        out.certificate = altered(dave().certificate, pki().sub, [](X509* x) {
            add_extension_der(x, "1.2.840.113549.1.9.15", false,
                              cms::der::wrap(cms::der::sequence, algorithm("AES-128-CBC")));
        });
        return out;
    }();
    site.knows(weak);
    site.configure(rules);
    const auto out = enter(mail(), {"carol@partner.example", "dave@other.example", "judy@x.example"});
    EXPECT_EQ(cipher_of(back(out.octets, {"carol@partner.example"}).octets), "aes128-cbc");
    EXPECT_EQ(cipher_of(back(out.octets, {"dave@other.example"}).octets), "aes128-cbc");
}

TEST_F(Splitting, WhatIsDemandedAndCannotBeIsRefusedAtTheEntrance)
{
    const auto done = enter(mail(), {"carol@partner.example", "eve@partner.example", "judy@x.example"});
    EXPECT_EQ(done.outcome.action, Action::reject);
    EXPECT_NE(done.reply().find("eve@partner.example (no certificate)"), std::string::npos) << done.reply();
    EXPECT_EQ(done.reply().find("judy"), std::string::npos);
}

TEST_F(Splitting, WhatTheAuthorAskedForHoldsForEveryCopy)
{
    const auto asked = replaced(mail(), "Subject: plans", "Subject: [secure] plans");
    EXPECT_EQ(enter(asked, two).outcome.action, Action::reject) << "judy has no certificate";
    site.knows(person("judy@x.example"));
    site.configure(rules);
    // Blind, so that it is split; the keyword is of another rule than judy's.
    const auto out = enter(asked, {"carol@partner.example", "dave@other.example", "judy@x.example"});
    EXPECT_EQ(out.fact("action"), "split") << out.log;
    EXPECT_TRUE(out.has("\r\nSubject: plans\r\n"));
    std::filesystem::remove(site.directory / "certificates/judy@x.example.pem");
    site.configure(rules);
    const auto done = back(out.octets, {"judy@x.example"});
    EXPECT_EQ(done.outcome.action, Action::reject) << done.log;
}

TEST_F(Splitting, OnlyWhatWasSealedHereIsTakenBack)
{
    const auto out = enter(mail(), two);
    const auto refused = [&](const std::string& octets, const std::string& why) {
        const auto done = back(octets, {"judy@x.example"});
        EXPECT_EQ(done.outcome.action, Action::tempfail) << why;
        EXPECT_TRUE(done.says(why)) << done.log;
        EXPECT_EQ(done.at_header.need, gateway::Need::body);
    };
    refused(mail(), "it was not split here");
    refused(mail("X-SMIME-Split: 1\r\n"), "not sealed with this key");
    std::string changed = out.octets;
    char& letter = changed[changed.size() - 30];
    letter = letter == 'A' ? 'B' : 'A';
    refused(changed, "not sealed with this key");
    refused(replaced(out.octets, "From: Alice <alice@", "From: Alice <bob@"), "its author was changed");
    site.directory.put("split.key", std::string(64, 'b'), 0600);
    site.configure(rules);
    refused(out.octets, "not sealed with this key");
}

TEST_F(Splitting, TheMarkMeansNothingElsewhere)
{
    const auto out = enter(mail(), two);
    auto envelope = Site::from_outside({"judy@x.example"});
    envelope.listener = "smtp";
    const auto done = site.run(out.octets, envelope);
    EXPECT_FALSE(done.has("X-SMIME-Split"));
    EXPECT_FALSE(done.has("Attack"));
    EXPECT_EQ(done.fact("direction"), "incoming");
}

TEST_F(Splitting, AuthorityIsThatOfTheFirstTime)
{
    auto envelope = Site::from_alice(two);
    envelope.listener = "submission";
    envelope.login = "bob@example.org";
    const auto out = site.run(mail(), envelope);
    EXPECT_EQ(out.fact("action"), "split") << out.log;
    const auto done = back(out.octets, {"judy@x.example"});
    EXPECT_EQ(done.outcome.action, Action::accept);
    EXPECT_TRUE(done.says("bob@example.org may not sign as alice@example.org")) << done.log;
    // An internal host's own mail is still its own, although it has a Received now.
    site.configure(rules, "", "internal_hosts = 192.0.2.7\n");
    envelope.login.clear();
    const auto host = site.run(mail(), envelope);
    EXPECT_EQ(host.fact("action"), "split") << host.log;
    EXPECT_EQ(back(host.octets, {"judy@x.example"}).fact("action"), "sign");
}

TEST_F(Splitting, TheCertificateOfTheMtaIsNotTheAuthors)
{
    site.configure(rules, "", "internal_hosts = 192.0.2.7\ntls_login = alice@example.org: mx.example.org\n");
    auto envelope = Site::from_alice(two);
    envelope.listener = "submission";
    envelope.login.clear();
    const auto out = site.run(mail(), envelope);
    envelope.recipients = envelope.recipients_as_given = {"judy@x.example"};
    envelope.listener = "back";
    envelope.tls_subject = "mx.example.org";
    EXPECT_EQ(site.run(out.octets, envelope).fact("login"), "");
}

TEST_F(Splitting, SignaturesOfTheMtaOverWhatWasSealedGo)
{
    const auto out = enter(mail(), two);
    const auto done = back("DKIM-Signature: v=1; of the sealed one\r\n" + out.octets, {"judy@x.example"});
    EXPECT_EQ(done.fact("action"), "sign") << done.log;
    EXPECT_FALSE(done.has("DKIM-Signature"));
    site.configure(
        replaced(replaced(rules, "sign = clear\nencrypt = opportunistic", "encrypt = opportunistic"),
                 "sign = clear\n", ""));
    const auto own = enter(mail("DKIM-Signature: v=1; of the author\r\n"), two);
    const auto kept = back("DKIM-Signature: v=1; of the sealed one\r\n" + own.octets, {"judy@x.example"});
    EXPECT_TRUE(kept.has("of the author")) << kept.log;
    EXPECT_FALSE(kept.has("of the sealed one"));
}

TEST_F(Splitting, SeveralRecipientsAtTheReentryAreNotSplitForEver)
{
    const auto out = enter(mail(), two);
    const auto done = back(out.octets, two);
    EXPECT_EQ(done.outcome.action, Action::reject) << done.log;
    EXPECT_FALSE(done.has("X-SMIME-Split: 1\r\nX"));
}

TEST_F(Splitting, ContentFieldsAndEightBitTextComeBackAsTheyWere)
{
    const auto odd = mail(
                         "Content-Language: de\r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\n"
                         "Content-Transfer-Encoding: 8bit\r\n") +
                     "Gr\xC3\xBC\xC3\x9F"
                     "e \r\n";
    site.configure(replaced(rules, "sign = clear\nencrypt = opportunistic", "encrypt = opportunistic"));
    const auto done = back(enter(odd, two).octets, {"judy@x.example"});
    EXPECT_TRUE(done.has("Content-Language: de\r\n")) << done.octets;
    EXPECT_TRUE(done.has("Content-Type: text/plain;\r\n\tcharset=utf-8\r\n"));
    EXPECT_TRUE(
        done.octets.ends_with("\r\n\r\nAttack at dawn\r\nGr\xC3\xBC\xC3\x9F"
                              "e \r\n"));
}

TEST_F(Splitting, ASealedMessageMayBeLargerThanOneThatComesIn)
{
    site.configure(rules, "", "max_message_size = 4K\n");
    gateway::Envelope envelope;
    EXPECT_EQ(gateway::largest_message(envelope, site.snapshot->config), 4096U);
    envelope.listener = "back";
    EXPECT_GT(gateway::largest_message(envelope, site.snapshot->config), 6000U);
    const auto out = enter(mail() + std::string(3500, 'x') + "\r\n", two);
    EXPECT_GT(out.octets.size(), 4096U);
    EXPECT_EQ(back(out.octets, {"carol@partner.example"}).fact("action"), "encrypt");
}

TEST_F(Splitting, AKeyThatIsNoneIsAnError)
{
    site.directory.put("split.key", "too short", 0600);
    EXPECT_THROW(site.configure(rules), std::runtime_error);
    std::filesystem::remove(site.directory / "split.key");
    EXPECT_THROW(site.configure(rules), std::runtime_error);
}

TEST(Seal, WhatIsSealedIsOnlyOpenedWithTheSameKeyAndUnchanged)
{
    const base::Secret key(std::string(32, 'k')), other(std::string(32, 'l'));
    for (const std::string& content : {std::string(), std::string("x"), std::string(100'000, 'y')}) {
        const auto sealed = must(cms::seal(content, key));
        EXPECT_EQ(must(cms::unseal(sealed, key)), content);
        EXPECT_FALSE(cms::unseal(sealed, other));
        for (const std::size_t at : {std::size_t{0}, sealed.size() / 2, sealed.size() - 1}) {
            auto changed = sealed;
            changed[at] = static_cast<char>(changed[at] ^ 1);
            EXPECT_FALSE(cms::unseal(changed, key)) << at;
        }
        EXPECT_FALSE(cms::unseal(std::string_view(sealed).substr(1), key));
        EXPECT_NE(must(cms::seal(content, key)), sealed);
    }
    EXPECT_FALSE(cms::seal("x", base::Secret("short")));
    EXPECT_FALSE(cms::unseal("", key));
}

}  // namespace
