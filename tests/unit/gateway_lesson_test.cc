// What a message teaches about its author, and above all what it does not.
#include <gtest/gtest.h>

#include "cms/certificate_summary.h"
#include "config.h"
#include "gateway_site.h"
#include "store/sqlite_store.h"

#ifdef HAVE_SQLITE
namespace
{

using namespace fixture;
using Lesson = std::optional<store::Lesson>;

const std::string body = "Content-Type: text/plain\r\n\r\nHello\r\n";
const std::string carols_head =
    "From: Carol <carol@partner.example>\r\nTo: alice@example.org\r\nSubject: hello\r\nMIME-Version: 1.0\r\n";
const std::string rules =
    "[rule in]\ndirection = incoming\nverify = yes\n[rule out]\ndirection = outgoing\nencrypt = mandatory\n";

// signingTime as an attribute.
std::string signed_at(base::Time t)
{
    const auto text = base::iso8601(t);  // 2026-06-01T00:00:00Z
    std::string utc;
    for (const char c : text.substr(2))
        if ((c >= '0' && c <= '9') || c == 'Z') utc += c;
    return attribute("signingTime", {cms::der::wrap(cms::der::utc_time, utc)});
}

std::string capabilities(const std::vector<const char*>& names)
{
    std::string list;
    for (const char* name : names) list += algorithm(name);
    return attribute("SMIME-CAPS", {cms::der::wrap(cms::der::sequence, list)});
}

std::string preference(const cms::Certificate& c)
{
    const auto s = must(cms::summarise(c.der()));
    unsigned char* serial = nullptr;
    const int n = i2d_ASN1_INTEGER(X509_get0_serialNumber(c.native()), &serial);
    const std::string value = cms::der::wrap(
        cms::der::context(0),
        {s.issuer, std::string_view(reinterpret_cast<char*>(serial), static_cast<std::size_t>(n))});
    OPENSSL_free(serial);
    return attribute("id-smime-aa-encrypKeyPref", {value});
}

class Teaching : public testing::Test
{
protected:
    void SetUp() override { configure("auto"); }
    void configure(const std::string& harvest, const std::string& trust = "")
    {
        site.configure(
            "[certificates]\nsource = sqlite:@dir@/learned.db\nharvest = " + harvest + "\n" + rules, trust);
    }
    Lesson of(const std::string& octets,
              gateway::Envelope envelope = Site::from_outside({"alice@example.org"}))
    {
        return site.run(octets, std::move(envelope)).outcome.lesson;
    }
    // Signed by whom, with what attributes beside the required ones, and what certificates.
    std::string mail(const cms::Identity& who, const std::vector<std::string>& attributes,
                     std::vector<cms::Certificate> certificates = {}) const
    {
        Signer s;
        s.who = &who;
        if (who.certificate.key_kind() == cms::KeyKind::rsa) s.signature_name = "sha256WithRSAEncryption";
        s.attributes = {content_type(), message_digest(body)};
        s.attributes.insert(s.attributes.end(), attributes.begin(), attributes.end());
        certificates.push_back(who.certificate);
        certificates.push_back(pki().sub.certificate);
        return carols_head + clear_entity(body, signed_data({signer_info(s)}, certificates));
    }
    cms::Identity carols = person("carol@partner.example");
    Site site;
};

TEST_F(Teaching, AMessageThatPassesTeachesItsAuthorsCertificate)  // C05
{
    const auto lesson = of(mail(carols, {signed_at(now), capabilities({"aes-256-cbc", "aes-128-gcm"})}));
    ASSERT_TRUE(lesson);
    EXPECT_EQ(lesson->address, "carol@partner.example");
    EXPECT_EQ(lesson->certificate, carols.certificate);
    EXPECT_EQ(lesson->issuers, std::vector{pki().sub.certificate}) << "without the anchor";
    EXPECT_EQ(lesson->signing_time, now);
    EXPECT_FALSE(lesson->preferred);
    using enum cms::Cipher;
    EXPECT_EQ(lesson->capabilities, (std::vector{aes256_cbc, aes128_gcm}));
    EXPECT_TRUE(of(carols_head + opaque_signed(body, carols)));
}

TEST_F(Teaching, NothingElseTeachesAnything)  // C05
{
    const auto good = mail(carols, {signed_at(now)});
    ASSERT_TRUE(of(good));
    EXPECT_FALSE(of(replaced(good, "Hello", "Hullo"))) << "not intact";
    EXPECT_FALSE(of(carols_head + "\r\nHello\r\n")) << "not signed";
    EXPECT_FALSE(of(replaced(good, "From: Carol <carol@", "From: Carol <karol@"))) << "another From";
    EXPECT_FALSE(of(replaced(good, "From: Carol <carol@partner.example>",
                             "From: a@partner.example\r\nSender: carol@partner.example")))
        << "only the Sender";
    EXPECT_FALSE(of("From: x@partner.example\r\n" + good)) << "two From fields";
    const auto list = "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" +
                      good.substr(good.find("Content-Type")) + "\r\n--m\r\n\r\nfooter\r\n--m--\r\n";
    EXPECT_FALSE(of(carols_head + list)) << "a part";
    EXPECT_FALSE(of(carols_head + opaque_entity(signed_data({}, {carols.certificate}), "certs-only")))
        << "certificates only";
    EXPECT_FALSE(of(carols_head + opaque_entity(signed_data({}, {carols.certificate}))));

    auto outgoing = Site::from_outside({"alice@example.org"});
    outgoing.login = "carol@partner.example";
    EXPECT_FALSE(of(good, outgoing)) << "from our side";

    auto r = fixture::request("Stranger", {"carol@partner.example"});
    const auto stranger_root = must(cms::issue(ca_request("Other Root"), nullptr));
    EXPECT_FALSE(of(mail(must(cms::issue(r, &stranger_root)), {signed_at(now)}))) << "not trusted";
    EXPECT_FALSE(of(mail(must(cms::issue(r, nullptr)), {signed_at(now)}))) << "self-signed";

    const auto only_signs =
        person("carol@partner.example", [](auto& q) { q.key_usage = "critical,digitalSignature"; });
    EXPECT_FALSE(of(mail(only_signs, {signed_at(now)}))) << "not for encryption";
    const auto expired =
        person("carol@partner.example", [](auto& q) { q.not_after = now - std::chrono::hours(1); });
    EXPECT_FALSE(of(mail(expired, {signed_at(now)}))) << "expired";

    configure("off");
    EXPECT_FALSE(of(good));
}

TEST_F(Teaching, OurOwnAuthorsArePassedOver)  // C05
{
    EXPECT_FALSE(of(head + clear_signed(body, pki().alice)));
}

TEST_F(Teaching, ARevokedCertificateIsNotLearned)  // C05
{
    site.directory.put("trust/sub.crl", make_crl(pki().sub, {carols.certificate}));
    configure("auto", "crl = local\n");
    EXPECT_FALSE(of(mail(carols, {signed_at(now)})));
}

TEST_F(Teaching, WhoSpeaksForTheAuthorByConfigurationIsNotTheAuthor)  // C05
{
    const auto service = person("service@partner.example");
    configure("auto", "signer_for = " + service.certificate.fingerprint() + ": carol@partner.example\n");
    const auto octets = mail(service, {signed_at(now)});
    EXPECT_EQ(site.run(octets, Site::from_outside({"alice@example.org"})).fact("status"), "pass");
    EXPECT_FALSE(of(octets));
}

TEST_F(Teaching, APinnedCorrespondentIsNotLearnedAnew)  // C05
{
    site.knows(carol(), "pinned/carol@partner.example");
    configure("auto");
    EXPECT_FALSE(of(mail(carols, {signed_at(now)})));
}

TEST_F(Teaching, WhoseDomainHasAPinnedGatewayIsNotLearned)  // C05
{
    site.knows(dave(), "pinned/@partner.example");
    configure("auto");
    EXPECT_FALSE(of(mail(carols, {signed_at(now)})));
}

TEST_F(Teaching, APinIsNoPathToAnAnchor)  // C05
{
    const auto self = must(cms::issue(fixture::request("Self", {"carol@partner.example"}), nullptr));
    site.directory.put("pinned/carol@partner.example.pem", cms::to_pem(self.certificate));
    configure("auto");
    EXPECT_FALSE(of(mail(self, {signed_at(now)})));
}

TEST_F(Teaching, TheCertificateThatIsPreferredIsTheOneToEncryptTo)  // C05
{
    const auto signs =
        person("carol@partner.example", [](auto& q) { q.key_usage = "critical,digitalSignature"; });
    const auto opens =
        person("carol@partner.example", [](auto& q) { q.key_usage = "critical,keyAgreement"; });
    const auto lesson = of(mail(signs, {signed_at(now), preference(opens.certificate)},
                                {carol().certificate, opens.certificate}));
    ASSERT_TRUE(lesson);
    EXPECT_EQ(lesson->certificate, opens.certificate);
    EXPECT_TRUE(lesson->preferred);
    EXPECT_EQ(lesson->issuers, std::vector{pki().sub.certificate});
    EXPECT_FALSE(of(mail(signs, {signed_at(now)}, {opens.certificate}))) << "nobody's word";
    EXPECT_FALSE(of(mail(carols, {signed_at(now), preference(opens.certificate)})))
        << "it did not come along";
}

TEST_F(Teaching, APreferredCertificateIsJudgedAsTheSignersIs)  // C05
{
    const auto of_another = person("mallory@partner.example");
    EXPECT_FALSE(
        of(mail(carols, {signed_at(now), preference(of_another.certificate)}, {of_another.certificate})))
        << "for another address";
    const auto stranger_root = must(cms::issue(ca_request("Other Root"), nullptr));
    const auto untrusted = must(cms::issue(fixture::request("C", {"carol@partner.example"}), &stranger_root));
    EXPECT_FALSE(
        of(mail(carols, {signed_at(now), preference(untrusted.certificate)}, {untrusted.certificate})))
        << "on no path to an anchor";
}

TEST_F(Teaching, WhoIsKnownFromAFileIsToldToTheStore)  // C05
{
    site.knows(carol());
    configure("auto");
    const auto lesson = of(mail(carols, {signed_at(now)}));
    ASSERT_TRUE(lesson);
    EXPECT_EQ(lesson->known_issuers, std::vector{must(cms::summarise(carol().certificate.der())).issuer});
}

TEST_F(Teaching, ADryRunTeachesNothing)
{
    site.configure(
        "[certificates]\nsource = sqlite:@dir@/learned.db\nharvest = auto\n"
        "[rule in]\ndirection = incoming\nverify = yes\ndry_run = yes\n");
    EXPECT_FALSE(of(mail(carols, {signed_at(now)})));
}

// From a message to the next one, as the daemon does it.
class Learning : public Teaching
{
protected:
    store::Judgement learn(const Lesson& lesson, store::Harvest mode = store::Harvest::automatic)
    {
        std::vector<base::Problem> problems;
        auto learned = must(
            store::SqliteLearned::open(site.directory / "learned.db", store::OnDamage::refuse, problems));
        return must(learned->learn(*lesson, mode, now)).judgement;
    }
    Site::Done reply()
    {
        return site.run(
            "From: alice@example.org\r\nTo: carol@partner.example\r\nSubject: re\r\n\r\nsecret\r\n",
            Site::from_alice({"carol@partner.example"}));
    }
};

TEST_F(Learning, TheReplyToTheFirstMessageGoesOutEncrypted)  // C05
{
    EXPECT_EQ(reply().fact("action"), "reject");
    (void)learn(of(mail(carols, {signed_at(now)})));
    const auto done = reply();
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
    EXPECT_NE(opened(done.octets, carols).find("secret"), std::string::npos);
    EXPECT_EQ(done.fact("certificate"), "carol@partner.example: serial " + carols.certificate.serial() +
                                            ", learned " + site.directory / "learned.db");
}

TEST_F(Learning, WhatIsPendingIsNotUsed)  // C05
{
    (void)learn(of(mail(carols, {signed_at(now)})), store::Harvest::pending);
    EXPECT_EQ(reply().fact("action"), "reject");
}

TEST_F(Learning, TheFirstMessageAfterARollOverIsNotPunished)  // C05
{
    (void)learn(of(mail(carols, {signed_at(now - std::chrono::hours(1))})));
    const auto next =
        person("carol@partner.example", [](auto& r) { r.not_before = start + std::chrono::hours(24); });
    const auto octets = mail(next, {signed_at(now)});
    EXPECT_EQ(site.run(octets, Site::from_outside({"alice@example.org"})).fact("status"), "pass");
    EXPECT_EQ(learn(of(octets)).state, store::LearnedState::used);
    EXPECT_NE(opened(reply().octets, next).find("secret"), std::string::npos) << "the newest is used";
}

TEST_F(Learning, TheCipherIsOneThatTheCorrespondentHasNamed)  // C05
{
    (void)learn(of(mail(carols, {signed_at(now), capabilities({"aes-128-cbc"})})));
    EXPECT_EQ(reply().fact("cipher"), "aes128-cbc");
    // Older mail, sent again, changes nothing.
    EXPECT_EQ(learn(of(mail(carols, {signed_at(now - std::chrono::hours(1)), capabilities({"aes-256-cbc"})})))
                  .take_capabilities,
              false);
    EXPECT_EQ(reply().fact("cipher"), "aes128-cbc");
}

TEST_F(Learning, WhatAnAuthorityWithoutAPathTodayHasIssuedIsNotUsed)
{
    (void)learn(of(mail(carols, {signed_at(now)})));
    std::filesystem::remove(site.directory / "trust/root.pem");
    site.directory.put("trust/other.pem",
                       cms::to_pem(must(cms::issue(ca_request("Other Root"), nullptr)).certificate));
    configure("auto");
    const auto done = reply();
    EXPECT_EQ(done.fact("action"), "reject");
    EXPECT_NE(done.fact("not_used").find("learned"), std::string::npos) << done.log;
}

}  // namespace
#endif
