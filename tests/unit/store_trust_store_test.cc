// Trust material from files: who becomes an anchor, who only helps.
#include <gtest/gtest.h>
#include <unistd.h>

#include "cms/container.h"
#include "store/trust_store.h"
#include "store/writers.h"
#include "store_fixture.h"

namespace
{

using namespace fixture;
using base::Problem;
using store::TrustSource;

struct Loaded {
    cms::Trust trust;
    std::vector<Problem> problems;
};

Loaded load(const TrustSource& source)
{
    Loaded out;
    out.trust = store::load_trust(source, out.problems);
    return out;
}

TrustSource anchors(std::vector<std::string> paths)
{
    TrustSource s;
    s.anchors = std::move(paths);
    s.origin = "smime-milter.conf:20";
    return s;
}

TEST(TrustStoreTest, DirectorySortsByWhatACertificateIs)  // V36
{
    const TemporaryDirectory d;
    d.put("root.crt", pki().root.certificate.der(), 0644);
    d.put("sub.pem", cms::to_pem(pki().sub.certificate), 0644);
    d.put("any-name.crl", make_crl(pki().root, {}), 0644);
    const auto [trust, problems] = load(anchors({d.path()}));
    EXPECT_EQ(text(problems), "");
    EXPECT_EQ(trust.material().anchors, std::vector{pki().root.certificate});
    EXPECT_EQ(trust.material().intermediates, std::vector{pki().sub.certificate});
    EXPECT_EQ(trust.material().crls.size(), 1U);
    EXPECT_EQ(verdict(verify(signed_data({}, {}), content, options(trust))), "permerror no-signer");
    cms::PathOptions o;
    o.at = now;
    EXPECT_TRUE(trust.validate(pki().alice.certificate, {}, o).findings.empty());
}

TEST(TrustStoreTest, NothingConfiguredTrustsNothing)  // V36
{
    const auto [trust, problems] = load({});
    EXPECT_EQ(text(problems), "");
    EXPECT_TRUE(trust.empty());
}

TEST(TrustStoreTest, UsersCertificatesAreNoAnchors)
{
    const TemporaryDirectory d;
    const auto self = must(cms::issue(request("Self", {"self@example.org"}), nullptr));
    d.put("self.pem", cms::to_pem(self.certificate));
    d.put("alice.pem", cms::to_pem(pki().alice.certificate));
    const auto [trust, problems] = load(anchors({d.path()}));
    EXPECT_TRUE(trust.empty());
    EXPECT_EQ(problems.size(), 2U) << text(problems);
    EXPECT_EQ(errors(problems), 0U);
    EXPECT_NE(text(problems).find("not the certificate of a CA, not used: CN=Self"), std::string::npos);
}

TEST(TrustStoreTest, RootsAmongIntermediatesOnlyHelp)
{
    const TemporaryDirectory d;
    d.put("all.pem", cms::to_pem(pki().root.certificate) + cms::to_pem(pki().sub.certificate) +
                         cms::to_pem(pki().alice.certificate));
    TrustSource s;
    s.intermediates = {d.path()};
    const auto [trust, problems] = load(s);
    EXPECT_EQ(text(problems), "");
    EXPECT_TRUE(trust.empty());
    EXPECT_EQ(trust.all_certificates().size(), 3U);
}

TEST(TrustStoreTest, BundlesAndSingleFilesLoad)
{
    const TemporaryDirectory d;
    const auto bag = d.put("chain.p7c", signed_data({}, {pki().root.certificate, pki().sub.certificate}));
    auto s = anchors({bag});
    s.crls = {d.put("sub.crl", make_crl(pki().sub, {pki().alice.certificate}))};
    const auto [trust, problems] = load(s);
    EXPECT_EQ(text(problems), "");
    EXPECT_EQ(trust.material().anchors.size(), 1U);
    EXPECT_EQ(trust.material().crls.size(), 1U);
}

TEST(TrustStoreTest, MissingPathIsAnErrorAndAnEmptyDirectoryAWarning)
{
    const TemporaryDirectory d;
    const auto missing = load(anchors({d / "nowhere"}));
    ASSERT_EQ(missing.problems.size(), 1U);
    EXPECT_EQ(missing.problems[0].severity, base::Severity::error);
    EXPECT_NE(text(missing.problems).find("smime-milter.conf:20"), std::string::npos);
    const auto empty = load(anchors({d.path()}));
    ASSERT_EQ(empty.problems.size(), 1U);
    EXPECT_EQ(empty.problems[0].severity, base::Severity::warning);
}

TEST(TrustStoreTest, BadFilesAreReportedAndTheRestLoads)
{
    const TemporaryDirectory d;
    d.put("root.pem", cms::to_pem(pki().root.certificate));
    d.put("notes.txt", "bought from the CA in 2024");
    d.put("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    d.put("key.pem", must(cms::to_pem(*pki().alice.key)));
    const auto [trust, problems] = load(anchors({d.path()}));
    EXPECT_FALSE(trust.empty());
    EXPECT_EQ(problems.size(), 3U) << text(problems);
    EXPECT_EQ(errors(problems), 1U);
    EXPECT_NE(text(problems).find("broken.pem: error: PEM block 1"), std::string::npos);
    EXPECT_NE(text(problems).find("notes.txt: warning:"), std::string::npos);
    EXPECT_NE(text(problems).find("key.pem: warning: a private key does not belong here"), std::string::npos);
    // Named itself, the same file is an error.
    EXPECT_EQ(errors(load(anchors({d / "notes.txt"})).problems), 1U);
}

TEST(TrustStoreTest, TheSameCertificateTwiceCountsOnce)
{
    const TemporaryDirectory d;
    d.put("a.pem", cms::to_pem(pki().root.certificate));
    d.put("b.der", pki().root.certificate.der());
    const auto [trust, problems] = load(anchors({d.path(), d / "a.pem"}));
    EXPECT_EQ(text(problems), "");
    EXPECT_EQ(trust.material().anchors.size(), 1U);
}

TEST(TrustStoreTest, ThingsInTheWrongPlaceAreNamed)
{
    const TemporaryDirectory d;
    TrustSource s;
    s.crls = {d.put("root.pem", cms::to_pem(pki().root.certificate))};
    s.intermediates = {d.put("root.crl", make_crl(pki().root, {}))};
    const auto [trust, problems] = load(s);
    EXPECT_TRUE(trust.empty());
    EXPECT_TRUE(trust.material().crls.empty());
    EXPECT_EQ(problems.size(), 2U) << text(problems);
}

// --- who may write there ---

TEST(Writers, WhatOthersMayWriteIsAnErrorAndWhatAGroupMayAWarning)
{
    const TemporaryDirectory d;
    const auto said = [&](store::Writers which = store::Writers::of_files) {
        std::vector<base::Problem> problems;
        store::report_writers(d.path(), which, problems);
        return text(problems);
    };
    const auto file = d.put("ca.pem", "x", 0644);
    chmod(d.path().c_str(), 0755);
    EXPECT_EQ(said(), "");
    chmod(d.path().c_str(), 0777);
    EXPECT_EQ(said(), d.path() +
                          ": error: writable by others: whoever adds a file there is trusted; run: chmod "
                          "o-w " +
                          d.path() + "\n");
    chmod(d.path().c_str(), 01777);
    EXPECT_NE(said(), "") << "its sticky bit keeps nobody from adding a file";
    chmod(d.path().c_str(), 0755);
    chmod(file.c_str(), 0666);
    EXPECT_EQ(said(), file + ": error: writable by others: whoever changes it is trusted; run: chmod o-w " +
                          file + "\n");
    EXPECT_EQ(said(store::Writers::of_directory), "");
    d.put("cb.pem", "x", 0666);
    EXPECT_NE(said().find("; and 1 more in this directory"), std::string::npos) << said();
    if (geteuid() != 0) return;  // only root can give a file to any group
    chmod((d / "cb.pem").c_str(), 0644);
    chmod(file.c_str(), 0664);
    EXPECT_EQ(said(), "") << "root's group";
    ASSERT_EQ(chown(file.c_str(), 0, 4711), 0);
    EXPECT_NE(said().find(file + ": warning: writable by its group"), std::string::npos) << said();
}

}  // namespace
