// The quick way to read a SignedData, and what is remembered, against OpenSSL
// alone: never another verdict.
#include <gtest/gtest.h>

#include "cms/certificate_cache.h"
#include "cms/path_cache.h"
#include "cms/signed_data.h"
#include "cms_fixture.h"
#include "golden/golden.h"
#include "lib/verdict_text.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;

// Both verdicts; the quick one twice, so that the second time it remembers.
void expect_the_same(std::string_view der, cms::VerifyOptions quick, const std::string& what)
{
    quick.teaches = true;
    auto plain = quick;
    plain.path.afresh = true;
    const base::Octets pieces[] = {content};
    const auto detached = verdict_text::of(cms::verify_detached(der, pieces, plain));
    const auto opaque = verdict_text::of(cms::verify_opaque(der, plain));
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(verdict_text::of(cms::verify_detached(der, pieces, quick)), detached) << what;
        EXPECT_EQ(verdict_text::of(cms::verify_opaque(der, quick)), opaque) << what;
    }
}

cms::Outline outline_of(std::string_view der)
{
    const auto found = cms::outline_signed_data(der, {});
    if (!found) throw std::runtime_error("not a SignedData");
    return *found;
}

TEST(QuickVerify, IsTakenForWhatWeMake)
{
    cms::CertificateCache cache;
    for (const bool detached : {true, false}) {
        const auto der = sign(pki().alice, detached);
        const auto read = cms::read_in_parts(der, outline_of(der), {}, cache);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->encapsulated, !detached);
        EXPECT_EQ(read->content, detached ? "" : content);
        EXPECT_FALSE(read->certificates.empty());
        expect_the_same(der, options(), "as made");
    }
}

TEST(QuickVerify, GivesTheSameVerdictWhateverOctetIsChanged)
{
    // Each octet once, with a change that often leaves a length or a tag plausible.
    for (const bool detached : {true, false}) {
        const auto good = sign(pki().alice, detached);
        for (std::size_t at = 0; at < good.size(); ++at) {
            auto bad = good;
            bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (at % 3 == 0 ? 0x01U : 0x20U));
            expect_the_same(bad, options(), "octet " + std::to_string(at));
            if (HasFailure()) return;
        }
    }
}

TEST(QuickVerify, GivesTheSameVerdictWhereverItEnds)
{
    const auto good = sign(pki().alice, false);
    for (std::size_t size = 0; size < good.size(); size += 7)
        expect_the_same(std::string_view(good).substr(0, size), options(), std::to_string(size) + " octets");
    expect_the_same(good + "\r\n", options(), "octets behind it");
}

TEST(QuickVerify, ReadsACertificateThatItKnowsOnlyByItsOctets)
{
    cms::CertificateCache cache;
    const auto der = sign(pki().alice);
    const std::vector<cms::Certificate> known{pki().alice.certificate};
    const auto read = cms::read_in_parts(der, outline_of(der), known, cache);
    ASSERT_TRUE(read);
    ASSERT_FALSE(read->certificates.empty());
    const auto& all = read->certificates;
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const cms::Certificate& c) {
        return c.native() == pki().alice.certificate.native();
    }));
}

TEST(CertificateCache, DecodesOnceWhatComesAgain)
{
    cms::CertificateCache cache;
    const std::string der = pki().alice.certificate.der();
    const auto first = cache.decode(der);
    ASSERT_TRUE(first);
    EXPECT_NE(cache.decode(der)->native(), first->native()) << "nobody has said that it is worth it";
    cache.keep(*first);
    const auto second = cache.decode(std::string(der));
    ASSERT_TRUE(second);
    EXPECT_EQ(first->native(), second->native());
    EXPECT_EQ(first->der(), der);
}

TEST(CertificateCache, KeepsThoseOfValidPathsOnly)
{
    const auto trust = must(cms::Trust::make({{pki().root.certificate}, {pki().sub.certificate}, {}}));
    auto& cache = trust.certificate_cache();
    cms::PathOptions options;
    options.at = now;
    const auto was_kept = [&](const cms::Certificate& c) {
        (void)trust.validate(c, {}, options);
        return cache.decode(c.der())->native() == c.native();
    };
    auto r = request("Eve", {"eve@example.org"});
    const auto eve = must(cms::issue(r, nullptr));
    EXPECT_FALSE(was_kept(eve.certificate)) << "anybody can make as many as he likes";
    EXPECT_TRUE(was_kept(pki().alice.certificate));
}

TEST(CertificateCache, TakesNothingButACertificateAndAllOfIt)
{
    cms::CertificateCache cache;
    const std::string der = pki().alice.certificate.der();
    EXPECT_FALSE(cache.decode(der + "x"));
    EXPECT_FALSE(cache.decode(der.substr(0, der.size() - 1)));
    EXPECT_FALSE(cache.decode(""));
    EXPECT_TRUE(cache.decode(der));
}

class Remembered : public testing::Test
{
protected:
    void remember(base::Time at, std::chrono::seconds grace = 0s)
    {
        options_.at = at;
        options_.expired_grace = grace;
        cache_.insert(question(), pki().alice.certificate, {}, options_, {});
    }
    bool known(base::Time at) { return cache_.find(question(), at).has_value(); }
    std::string question() { return cms::PathCache::question(pki().alice.certificate, {}, options_); }

    cms::PathCache cache_;
    cms::PathOptions options_;
};

TEST_F(Remembered, HoldsForSomeMinutesBeforeAndAfter)
{
    remember(now);
    EXPECT_TRUE(known(now));
    EXPECT_TRUE(known(now + 299s));
    EXPECT_TRUE(known(now - 299s));
    EXPECT_FALSE(known(now + 300s));
    EXPECT_FALSE(known(now - 300s));
}

TEST_F(Remembered, EndsWithTheCertificate)
{
    const auto end = pki().alice.certificate.not_after();
    remember(end - 60s);
    EXPECT_TRUE(known(end - 2s));
    EXPECT_FALSE(known(end));
    EXPECT_FALSE(known(end + 1s));
}

TEST_F(Remembered, BeginsWithTheCertificate)
{
    const auto begin = pki().alice.certificate.not_before();
    remember(begin + 60s);
    EXPECT_TRUE(known(begin + 2s));
    EXPECT_FALSE(known(begin));
    EXPECT_FALSE(known(begin - 1s));
}

TEST_F(Remembered, EndsWithTheGraceOfWhatHasEnded)
{
    const auto end = pki().alice.certificate.not_after();
    remember(end + 3600s - 60s, 3600s);
    EXPECT_TRUE(known(end + 3600s - 2s));
    EXPECT_FALSE(known(end + 3600s));
}

TEST_F(Remembered, EndsWithWhatElseThePathMayRestOn)
{
    const auto& other = pki().chain.front();
    cache_.changes_with(other);
    cache_.know_all_changes();
    remember(other.not_after() - 60s);
    EXPECT_TRUE(known(other.not_after() - 2s));
    EXPECT_FALSE(known(other.not_after()));
}

TEST_F(Remembered, IsAnAnswerToTheSameQuestionOnly)
{
    remember(now);
    const auto before = options_;
    const auto expect_unknown = [&] {
        EXPECT_FALSE(known(now));
        options_ = before;
    };
    options_.policy_check = true;
    expect_unknown();
    options_.policies = {"2.23.140.1.5.1.1"};
    expect_unknown();
    options_.require_policy = true;
    expect_unknown();
    options_.inhibit_mapping = true;
    expect_unknown();
    options_.inhibit_any_policy = true;
    expect_unknown();
    options_.allow_sha1 = true;
    expect_unknown();
    options_.crl = cms::CrlMode::hard;
    expect_unknown();
    options_.expired_grace = 1s;
    expect_unknown();
    EXPECT_NE(cms::PathCache::question(pki().alice.certificate, {}, before),
              cms::PathCache::question(pki().alice.certificate, pki().chain, before));
    EXPECT_NE(cms::PathCache::question(pki().chain.front(), {}, before),
              cms::PathCache::question(pki().alice.certificate, {}, before));
}

// --- every golden case ---

const std::string directory = std::string(TEST_DATA) + "/golden";

class QuickVerifyGolden : public testing::TestWithParam<std::string>
{
};

TEST_P(QuickVerifyGolden, GivesTheVerdictThatOpensslAloneWouldGive)
{
    const auto c = golden::load_case(directory, GetParam());
    const golden::Workspace workspace(c, directory);
    std::vector<base::Problem> problems;
    const auto snapshot = gateway::load_snapshot(workspace.configuration(), c.at, problems);
    ASSERT_NE(snapshot, nullptr);
    for (const char* file : {"/in.eml", "/out.eml"}) {
        const auto message = gateway::message_from_octets(golden::read(c.directory + file), c.envelope);
        ASSERT_TRUE(message) << message.error().text();
        gateway::VerifyRequest request;
        request.trust = &snapshot->trust;
        request.at = c.at;
        gateway::judge_as_configured(request, snapshot->config.judging);
        request.teaches = true;
        request.afresh = true;
        const auto plain =
            verdict_text::of(gateway::verify_message(message->header(), message->body(), request));
        request.afresh = false;
        for (int i = 0; i < 2; ++i)
            EXPECT_EQ(verdict_text::of(gateway::verify_message(message->header(), message->body(), request)),
                      plain);
    }
}

INSTANTIATE_TEST_SUITE_P(Cases, QuickVerifyGolden, testing::ValuesIn(golden::case_names(directory)),
                         [](const auto& param) {
                             std::string name = param.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

}  // namespace
