// Whoever has captured an encrypted message can change it and send it again, as
// often as needed.  If the reply told whether it could be opened, the padding of the
// last block would give the text away octet by octet (semantics E.6).
#include <gtest/gtest.h>

#include "gateway/encrypt.h"
#include "gateway_site.h"

namespace
{

using namespace fixture;
using gateway::Action;

const std::string text = "Content-Type: text/plain; charset=utf-8\r\n\r\nAttack at dawn\r\n";
const std::string in = "[rule in]\ndirection = incoming\ndecrypt = yes\nverify = yes\n";

std::string captured(const std::string& entity, cms::Cipher cipher = cms::Cipher::aes256_cbc)
{
    cms::EncryptRequest request;
    const std::vector<cms::Certificate> who{pki().alice.certificate};
    request.recipients = who;
    request.cipher = cipher;
    const base::Octets pieces[] = {entity};
    return must(cms::encrypt(pieces, request));
}

// With the last octet of the padding wrong.
std::string tampered(std::string der)
{
    der[der.size() - 17] = static_cast<char>(der[der.size() - 17] ^ 0x80);
    return der;
}

std::string sent(const std::string& content, const std::string& more = "")
{
    return "From: Carol <carol@partner.example>\r\nTo: alice@example.org\r\nSubject: plans\r\n" + more +
           "MIME-Version: 1.0\r\n" + content;
}

std::string enveloped(const std::string& der) { return opaque_entity(der, "enveloped-data"); }

class GatewayOracle : public testing::Test
{
protected:
    Site::Done receive(const std::string& octets) const
    {
        return site.run(octets, Site::from_outside({"alice@example.org"}));
    }
    // The same seen from outside, whether it can be opened or not.
    void expect_silence(const std::string& opens, const std::string& fails) const
    {
        const auto one = receive(opens), other = receive(fails);
        EXPECT_EQ(one.reply(), other.reply()) << one.log << "\n" << other.log;
        const auto refused = [](const Site::Done& d) {
            return d.outcome.action == Action::reject || d.outcome.action == Action::tempfail;
        };
        EXPECT_EQ(refused(one), refused(other)) << one.log << "\n" << other.log;
        EXPECT_NE(other.fact("action"), "decrypt");
    }
    Site site;
};

TEST_F(GatewayOracle, WhoFailsTooOftenIsNotServedForAnHour)
{
    site.configure(in, "", "decrypt_failures = 2\n");
    site.failures = std::make_shared<gateway::FailureLimit>();
    const auto good = sent(enveloped(captured(text))), bad = sent(enveloped(tampered(captured(text))));
    EXPECT_EQ(receive(good).fact("action"), "decrypt");
    EXPECT_NE(receive(bad).fact("action"), "decrypt");
    EXPECT_EQ(receive(good).fact("action"), "decrypt");
    EXPECT_NE(receive(bad).fact("action"), "decrypt");
    const auto left = receive(good);
    EXPECT_TRUE(left.says("decrypt=\"no: too many messages of this client could not be decrypted\""))
        << left.log;
    EXPECT_FALSE(left.has("Attack at dawn"));
    EXPECT_EQ(left.reply(), receive(bad).reply());
    auto other = Site::from_outside({"alice@example.org"});
    other.client = "203.0.113.77";
    EXPECT_EQ(site.run(good, other).fact("action"), "decrypt");
}

TEST(FailureLimit, CountsForAnHourFromTheFirstAndByNetwork)
{
    gateway::FailureLimit limit;
    for (int i = 0; i < 3; ++i) limit.count("2001:db8:1:2::" + std::to_string(i + 1), now);
    EXPECT_TRUE(limit.reached("2001:db8:1:2:ffff::1", now, 3)) << "the same /64";
    EXPECT_FALSE(limit.reached("2001:db8:1:3::1", now, 3));
    EXPECT_FALSE(limit.reached("2001:db8:1:2::1", now, 4));
    EXPECT_FALSE(limit.reached("2001:db8:1:2::1", now, 0)) << "no limit";
    EXPECT_FALSE(limit.reached("2001:db8:1:2::1", now + std::chrono::hours(1), 3));
    limit.count("192.0.2.1", now);
    EXPECT_TRUE(limit.reached("192.0.2.1", now, 1));
    EXPECT_FALSE(limit.reached("192.0.2.2", now, 1));
    EXPECT_TRUE(limit.reached("::ffff:192.0.2.1", now, 1)) << "the same in another form";
    EXPECT_FALSE(limit.reached("::ffff:192.0.2.2", now, 1));
    EXPECT_FALSE(limit.reached("no address", now, 1));
}

TEST(FailureLimit, StrangersFromEverywhereDoNotMakeItGrow)
{
    gateway::FailureLimit limit;
    const auto client = [](int i) {
        return "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
               std::to_string(i & 255);
    };
    for (int i = 0; i < 30'000; ++i) limit.count(client(i), now + std::chrono::seconds(i / 100));
    EXPECT_TRUE(limit.reached(client(29'999), now + std::chrono::minutes(10), 1));
    EXPECT_FALSE(limit.reached(client(0), now + std::chrono::minutes(10), 1)) << "forgotten";
}

TEST_F(GatewayOracle, FieldsThatAreReplacedOnlyWhereItOpensDoNotMakeTooMany)
{
    site.configure(in + "tag_decrypted = yes\n");
    const std::string der = captured(text);
    std::string own, content, subjects;
    for (int i = 0; i < 497; ++i) own += "X-SMIME-N: 1\r\n";
    for (int i = 0; i < 600; ++i) content += "Content-N: 1\r\n";
    for (int i = 0; i < 600; ++i) subjects += "Subject: [signed]\r\n";
    for (const auto& more : {own, content, subjects})
        expect_silence(sent(enveloped(der), more), sent(enveloped(tampered(der)), more));
}

TEST_F(GatewayOracle, ARequiredSignatureInsideDoesNotDecideAboutTheReply)
{
    site.configure(in + "require_signature = yes\n");
    // What the real author signed, and behind it what the attacker appends.
    const std::string der = captured(clear_signed(text, carol()) + "epilogue\r\n");
    expect_silence(sent(enveloped(der)), sent(enveloped(tampered(der))));
    const auto unsigned_one = receive(sent(enveloped(captured(text))));
    EXPECT_EQ(unsigned_one.outcome.action, Action::quarantine) << unsigned_one.log;
    EXPECT_EQ(receive(sent(enveloped(tampered(der)))).outcome.action, Action::quarantine);
    EXPECT_EQ(receive(sent(text)).outcome.action, Action::reject);
}

TEST_F(GatewayOracle, ASignatureAroundItIsNotRefusedEither)
{
    site.configure(in + "on_invalid = reject\non_untrusted = reject\neightbit_signed = reject\n");
    const std::string der = captured(text);
    // The attacker's own, whom nobody trusts; and one that is 8-bit.
    const auto eve = must(cms::issue(fixture::request("Eve", {"eve@evil.example"}), nullptr));
    expect_silence(sent(opaque_signed(enveloped(der), eve)),
                   sent(opaque_signed(enveloped(tampered(der)), eve)));
    const auto binary = [](const std::string& octets) {
        return "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n"
               "Content-Transfer-Encoding: binary\r\n\r\n" +
               octets;
    };
    expect_silence(sent(clear_signed(binary(der), carol())),
                   sent(clear_signed(binary(tampered(der)), carol())));
}

TEST_F(GatewayOracle, AnEightBitSignatureInsideIsNotRefused)
{
    site.configure(in + "eightbit_signed = reject\n");
    const std::string eight = "Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xC3\xBC\xC3\x9F\r\n";
    const std::string der = captured(clear_signed(eight, carol()));
    expect_silence(sent(enveloped(der)), sent(enveloped(tampered(der))));
}

TEST_F(GatewayOracle, NobodyIsAskedToComeAgainWithIt)
{
    site.configure(in + "on_temperror = tempfail\n", "crl = local\nrevocation_fail = hard\n");
    const std::string der = captured(clear_signed(text, carol()));
    EXPECT_EQ(receive(sent(clear_signed(text, carol()))).outcome.action, Action::tempfail);
    expect_silence(sent(enveloped(der)), sent(enveloped(tampered(der))));
}

}  // namespace
