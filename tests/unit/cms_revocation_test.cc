// Revocation data from outside: what is asked, and whose word counts.
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include <chrono>
#include <map>

#include "cms/revocation.h"
#include "cms_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using cms::CrlMode;
using cms::RevocationData;
using cms::RevocationKind;

constexpr const char* responder = "http://ocsp.example.org/";
constexpr const char* sub_list = "http://crl.example.org/sub.crl";
constexpr const char* root_list = "http://crl.example.org/root.crl";

// Alice and her CA, each naming where revocation is told.
struct Told {
    cms::Certificate sub = altered(pki().sub.certificate, pki().root, [](X509* x) {
        add_extension(x, NID_info_access, ("OCSP;URI:"s + responder).c_str());
        add_extension(x, NID_crl_distribution_points, ("URI:"s + root_list).c_str());
    });
    cms::Certificate alice = altered(pki().alice.certificate, pki().sub, [](X509* x) {
        add_extension(x, NID_info_access, ("OCSP;URI:"s + responder).c_str());
        add_extension(x, NID_crl_distribution_points, ("URI:"s + sub_list).c_str());
    });
};
const Told& told()
{
    static const Told t;
    return t;
}

struct Single {
    cms::Certificate certificate, issuer;
    int status = V_OCSP_CERTSTATUS_GOOD;
    base::Time since = now - 1h, until = now + 1h;
};

std::string ocsp_response(const Single& s, const cms::Identity& signer, const EVP_MD* md = EVP_sha256())
{
    const std::unique_ptr<OCSP_BASICRESP, void (*)(OCSP_BASICRESP*)> basic(OCSP_BASICRESP_new(),
                                                                           OCSP_BASICRESP_free);
    const std::unique_ptr<OCSP_CERTID, void (*)(OCSP_CERTID*)> id(
        OCSP_cert_to_id(EVP_sha1(), s.certificate.native(), s.issuer.native()), OCSP_CERTID_free);
    const auto time = [](base::Time t) {
        return std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)>(
            ASN1_GENERALIZEDTIME_set(nullptr, t.time_since_epoch().count()), ASN1_STRING_free);
    };
    const auto since = time(s.since), until = time(s.until);
    const bool revoked = s.status == V_OCSP_CERTSTATUS_REVOKED;
    if (OCSP_basic_add1_status(basic.get(), id.get(), s.status, 0, revoked ? since.get() : nullptr,
                               since.get(), until.get()) == nullptr ||
        OCSP_basic_sign(basic.get(), signer.certificate.native(), native(signer), md, nullptr, 0) != 1)
        throw std::runtime_error("no OCSP response");
    const std::unique_ptr<OCSP_RESPONSE, void (*)(OCSP_RESPONSE*)> response(
        OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()), OCSP_RESPONSE_free);
    unsigned char* der = nullptr;
    const int n = i2d_OCSP_RESPONSE(response.get(), &der);
    std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
    OPENSSL_free(der);
    return out;
}

// Answers by URL and request; remembers what it was asked.
class Recorded final : public cms::RevocationSource
{
public:
    void list(const std::string& url, const std::string& der) { answers_[url] = der; }
    void status(const Single& s, const cms::Identity& signer, const EVP_MD* md = EVP_sha256())
    {
        answers_[responder + cms::ocsp_request(s.certificate, s.issuer)] = ocsp_response(s, signer, md);
    }
    base::Result<RevocationData> ask(const cms::RevocationQuestion& q) override
    {
        asked.push_back(q.url);
        const auto found = answers_.find(q.url + q.request);
        if (found == answers_.end()) return base::fail(base::Code::unavailable, q.url, "timed out");
        return RevocationData::parse(q.kind, found->second);
    }
    std::vector<std::string> asked;

private:
    std::map<std::string, std::string> answers_;
};

std::string judged(Recorded& source, CrlMode crl, CrlMode ocsp, const cms::Certificate& leaf = told().alice,
                   std::vector<std::string>* comments = nullptr)
{
    cms::PathOptions o;
    o.at = now;
    o.crl = crl;
    o.fetch_crls = true;
    o.ocsp = ocsp;
    o.source = &source;
    const auto r = pki().trust.validate(leaf, {told().sub}, o);
    if (comments != nullptr) *comments = r.comments;
    if (r.findings.empty()) return "valid";
    std::string out;
    for (const auto f : r.findings.list()) out += (out.empty() ? "" : " ") + std::string(cms::word(f));
    return out;
}

const auto off = CrlMode::off, soft = CrlMode::soft, hard = CrlMode::hard;
Single of_alice() { return {told().alice, told().sub}; }
Single of_sub() { return {told().sub, pki().root.certificate}; }

TEST(AskedRevocation, CertificatesSayWhereToAsk)
{
    EXPECT_EQ(cms::crl_urls(told().alice), std::vector<std::string>{sub_list});
    EXPECT_EQ(cms::ocsp_urls(told().alice), std::vector<std::string>{responder});
    const auto odd = altered(pki().alice.certificate, pki().sub, [](X509* x) {
        add_extension(x, NID_crl_distribution_points,
                      "URI:ldap://x/,URI:https://x/,URI:file:///etc/passwd,URI:http://a/1,URI:http://a/1,"
                      "URI:http://a/2,URI:http://a/3,URI:http://a/4,URI:http://a/5");
    });
    EXPECT_EQ(cms::crl_urls(odd),
              (std::vector<std::string>{"http://a/1", "http://a/2", "http://a/3", "http://a/4"}));
}

TEST(AskedRevocation, FetchedListsDecide)  // V39
{
    Recorded source;
    EXPECT_EQ(judged(source, hard, off), "revocation-unknown");
    EXPECT_EQ(judged(source, soft, off), "valid");
    source.list(root_list, make_crl(pki().root, {}));
    source.list(sub_list, make_crl(pki().sub, {}));
    EXPECT_EQ(judged(source, hard, off), "valid");
    source.list(sub_list, make_crl(pki().sub, {told().alice}));
    EXPECT_EQ(judged(source, soft, off), "revoked");
    source.list(sub_list, make_crl(pki().root, {}));  // of another CA
    EXPECT_EQ(judged(source, hard, off), "revocation-unknown");
}

TEST(AskedRevocation, ResponderOfTheIssuerDecides)  // V39
{
    Recorded source;
    source.status(of_sub(), pki().root);
    std::vector<std::string> comments;
    EXPECT_EQ(judged(source, off, soft, told().alice, &comments), "valid");
    ASSERT_EQ(comments.size(), 1U);
    EXPECT_TRUE(comments[0].starts_with("revocation status not available")) << comments[0];
    EXPECT_EQ(judged(source, off, hard), "revocation-unknown");
    source.status(of_alice(), pki().sub);
    EXPECT_EQ(judged(source, off, hard, told().alice, &comments), "valid");
    EXPECT_TRUE(comments.empty());
    auto gone = of_alice();
    gone.status = V_OCSP_CERTSTATUS_REVOKED;
    source.status(gone, pki().sub);
    EXPECT_EQ(judged(source, off, soft), "revoked");
    gone.status = V_OCSP_CERTSTATUS_UNKNOWN;
    source.status(gone, pki().sub);
    EXPECT_EQ(judged(source, off, hard), "revocation-unknown");
}

TEST(AskedRevocation, NobodyElseMayAnswer)
{
    const auto stands = [](const cms::Identity& signer, const EVP_MD* md = EVP_sha256()) {
        Recorded source;
        source.status(of_sub(), pki().root);
        source.status(of_alice(), signer, md);
        return judged(source, off, hard);
    };
    EXPECT_EQ(stands(pki().bob), "revocation-unknown");   // of the same CA, not made for OCSP
    EXPECT_EQ(stands(pki().root), "revocation-unknown");  // trusted, but not the issuer
    EXPECT_EQ(stands(pki().sub, EVP_sha1()), "revocation-unknown");
    const auto delegate = [](const cms::Identity& by) {
        auto r = request("Responder");
        r.extended_key_usage = "OCSPSigning";
        return must(cms::issue(r, &by));
    };
    EXPECT_EQ(stands(delegate(pki().sub)), "valid");
    EXPECT_EQ(stands(delegate(pki().root)), "revocation-unknown");
    auto r = request("Responder");
    r.extended_key_usage = "OCSPSigning";
    r.not_after = now - 1h;
    EXPECT_EQ(stands(must(cms::issue(r, &pki().sub))), "revocation-unknown");  // expired
}

TEST(AskedRevocation, OldAnswersAndThoseForOthersDoNotCount)
{
    Recorded source;
    source.status(of_sub(), pki().root);
    auto s = of_alice();
    s.since = now - 48h;
    s.until = now - 24h;
    source.status(s, pki().sub);
    EXPECT_EQ(judged(source, off, hard), "revocation-unknown");
    s.since = now + 1h;
    s.until = now + 2h;
    source.status(s, pki().sub);
    EXPECT_EQ(judged(source, off, hard), "revocation-unknown");
    const auto bob = RevocationData::parse(RevocationKind::ocsp,
                                           ocsp_response({pki().bob.certificate, told().sub}, pki().sub));
    EXPECT_EQ(cms::ocsp_status(must(bob), told().alice, told().sub, now).word,
              cms::OcspStatus::Word::unknown);
}

TEST(AskedRevocation, ListsHelpWhereNoResponderAnswers)
{
    Recorded source;
    source.status(of_sub(), pki().root);
    EXPECT_EQ(judged(source, hard, hard), "revocation-unknown");
    source.list(sub_list, make_crl(pki().sub, {}));
    EXPECT_EQ(judged(source, hard, hard), "valid");  // the root's list is not missed: OCSP spoke
    source.list(sub_list, make_crl(pki().sub, {told().alice}));
    EXPECT_EQ(judged(source, hard, hard), "revoked");
}

TEST(AskedRevocation, NobodyIsAskedForAPathThatIsNotOurs)
{
    Recorded source;
    const auto stranger = must(cms::issue(ca_request("Stranger"), nullptr));
    const auto leaf =
        altered(must(cms::issue(request("Eve", {"eve@example.org"}), &stranger)).certificate, stranger,
                [](X509* x) { add_extension(x, NID_crl_distribution_points, "URI:http://victim.example/"); });
    EXPECT_NE(judged(source, hard, hard, leaf), "valid");
    EXPECT_TRUE(source.asked.empty());
}

TEST(AskedRevocation, ARevokedAuthorityEndsTheQuestions)
{
    Recorded source;
    auto s = of_sub();
    s.status = V_OCSP_CERTSTATUS_REVOKED;
    source.status(s, pki().root);
    EXPECT_EQ(judged(source, off, soft), "revoked");
    EXPECT_EQ(source.asked.size(), 1U);
}

// A list with this entry many times, which nobody has signed.
std::string list_of(const std::string& entry, std::size_t count, const std::string& parameters = {})
{
    namespace der = cms::der;
    const std::string algorithm =
        der::wrap(der::sequence, "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02" + parameters);
    const std::string time = der::wrap(der::utc_time, "261128000000Z");
    std::string entries;
    for (std::size_t i = 0; i < count; ++i) entries += entry;
    const std::string name = der::wrap(der::sequence, ""), list = der::wrap(der::sequence, entries);
    const std::string content =
        der::wrap(der::sequence, {der::small_integer(1), algorithm, name, time, list});
    return der::wrap(der::sequence, {content, algorithm, der::wrap(der::bit_string, std::string(65, '\0'))});
}

TEST(AskedRevocation, AListThatWouldTakeThirtyTimesItsSizeIsRefused)
{
    namespace der = cms::der;
    const std::string time = der::wrap(der::utc_time, "261128000000Z");
    const std::string reason =
        der::wrap(der::sequence, der::wrap(der::sequence, "\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x01"sv));
    // The smallest that a CA may write.
    const std::string ordinary =
        list_of(der::wrap(der::sequence, {der::small_integer(1), time, reason}), 20'000);
    const auto good = RevocationData::parse(RevocationKind::crl, ordinary);
    ASSERT_TRUE(good) << good.error().what;
    EXPECT_GT(good->memory(), 10 * ordinary.size());
    EXPECT_LT(good->memory(), 14 * ordinary.size());

    std::string empty_names;
    for (int i = 0; i < 100; ++i) empty_names += "\x82\0"s;
    const std::string issuer = der::wrap(
        der::sequence,
        der::wrap(der::sequence, {"\x06\x03\x55\x1d\x1d"sv,
                                  der::wrap(der::octet_string, der::wrap(der::sequence, empty_names))}));
    // What hides them is no CRL: parameters that nobody reads and that end amiss; PEM.
    const std::string tiny = list_of("\x30\x05\x02\x01\x01\x17\0"s, 20'000);
    const std::string amiss = "\x30\x06\x1f\xff\xff\xff\xff\xff"s;
    EXPECT_FALSE(
        RevocationData::parse(RevocationKind::crl, list_of("\x30\x05\x02\x01\x01\x17\0"s, 20'000, amiss)));
    const auto pem = [](const std::string& der) {
        std::string text((der.size() + 2) / 3 * 4 + 1, '\0');
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(der.data()), static_cast<int>(der.size()));
        text.pop_back();
        for (std::size_t at = 64; at < text.size(); at += 65) text.insert(at, 1, '\n');
        return "-----BEGIN X509 CRL-----\n" + text + "\n-----END X509 CRL-----\n";
    };
    EXPECT_TRUE(RevocationData::parse(RevocationKind::crl, pem(make_crl(pki().sub, {}))));
    EXPECT_FALSE(RevocationData::parse(RevocationKind::crl, pem(tiny)));
    EXPECT_FALSE(RevocationData::parse(RevocationKind::crl, pem(make_crl(pki().sub, {})) + pem(tiny)));
    for (const std::string& entry :
         {"\x30\x05\x02\x01\x01\x17\0"s, der::wrap(der::sequence, {der::small_integer(1), time, issuer})}) {
        const auto refused = RevocationData::parse(RevocationKind::crl, list_of(entry, 20'000));
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().what.find("nothing but small pieces"), std::string::npos)
            << refused.error().what;
    }
}

TEST(AskedRevocation, JunkIsRefused)
{
    const std::string crl = make_crl(pki().sub, {}), ocsp = ocsp_response(of_alice(), pki().sub);
    EXPECT_TRUE(RevocationData::parse(RevocationKind::crl, crl));
    EXPECT_TRUE(RevocationData::parse(RevocationKind::ocsp, ocsp));
    EXPECT_FALSE(RevocationData::parse(RevocationKind::ocsp, crl));
    EXPECT_FALSE(RevocationData::parse(RevocationKind::crl, ocsp));
    EXPECT_FALSE(RevocationData::parse(RevocationKind::crl, crl + "x"));
    EXPECT_FALSE(RevocationData::parse(RevocationKind::ocsp, ocsp + "x"));
    EXPECT_FALSE(RevocationData::parse(RevocationKind::crl, "<html>moved</html>"));
    EXPECT_FALSE(RevocationData::parse(RevocationKind::ocsp, ""));
    for (std::size_t n = 0; n < ocsp.size(); n += 7)
        EXPECT_FALSE(RevocationData::parse(RevocationKind::ocsp, ocsp.substr(0, n))) << n;
    const auto later = RevocationData::parse(RevocationKind::ocsp, "\x30\x03\x0a\x01\x03"sv);
    ASSERT_FALSE(later);
    EXPECT_NE(later.error().what.find("trylater"), std::string::npos) << later.error().what;
}

}  // namespace
