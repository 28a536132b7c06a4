// What loading says about keys, anchors and rules that do not fit together.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "gateway/snapshot.h"
#include "golden/golden.h"

namespace
{

struct Loaded {
    std::shared_ptr<const gateway::Snapshot> snapshot;
    std::vector<base::Problem> problems;
    [[nodiscard]] std::string text() const
    {
        std::string out;
        for (const auto& problem : problems) out += problem.text() + "\n";
        return out;
    }
    [[nodiscard]] bool says(const std::string& words) const
    {
        return text().find(words) != std::string::npos;
    }
};

class SnapshotTest : public testing::Test
{
protected:
    // `configuration` as in the golden cases: what it does not say has keys and an anchor.
    Loaded load(const std::string& configuration, const std::string& time = "2026-11-23T12:00:00Z",
                gateway::Credentials credentials = gateway::Credentials::needed)
    {
        golden::Case c;
        c.configuration = configuration;
        workspace_.emplace(c, TEST_DATA "/golden");
        Loaded out;
        out.snapshot = gateway::load_snapshot(workspace_->configuration(), base::parse_time(time).value(),
                                              out.problems, {credentials});
        return out;
    }

    std::optional<golden::Workspace> workspace_;
};

constexpr const char* signing = "[rule a]\nsign = clear\n";

TEST_F(SnapshotTest, ACertificateThatEndsSoonIsReportedInTime)
{
    EXPECT_FALSE(load(signing, "2119-11-01T00:00:00Z").says("alice.p12: warning"));
    const auto late = load(signing, "2119-12-15T00:00:00Z");
    EXPECT_TRUE(late.says(": expires 2120-01-01; get a new certificate")) << late.text();
    EXPECT_FALSE(load(signing, "2120-02-01T00:00:00Z").says(": expires ")) << "it has expired by then";
}

TEST_F(SnapshotTest, RulesWithoutTheirMaterialAreALackOnlyWhereItIsNamed)
{
    EXPECT_TRUE(load(signing).snapshot->lacks.empty());
    const auto none = load("[keys]\npath = @dir@/conf.d\n[rule a]\nsign = clear\n");
    ASSERT_EQ(none.snapshot->lacks.size(), 1U) << none.text();
    EXPECT_EQ(none.snapshot->lacks[0].what, "rules ask for signatures, but no key could be loaded");
    EXPECT_FALSE(none.says("rules ask")) << "said by whoever takes it for a reason";

    const auto unset = load("[keys]\n[rule a]\nsign = clear\n");
    EXPECT_TRUE(unset.snapshot->lacks.empty());
    EXPECT_TRUE(unset.says("there are no keys; add a section [keys] with path")) << unset.text();

    const auto anchors = load("[trust]\nanchors = @dir@/conf.d\n[rule a]\nverify = yes\n");
    ASSERT_EQ(anchors.snapshot->lacks.size(), 1U);
    EXPECT_TRUE(load("[trust]\nanchors = @dir@/conf.d\n[rule a]\nsign = clear\n").snapshot->lacks.empty());
}

TEST_F(SnapshotTest, KeysWhosePasswordIsACredentialAreLeftOutOfACheck)
{
    unsetenv("CREDENTIALS_DIRECTORY");
    const std::string text =
        "[keys]\npath = @dir@/keys\npassword = credential:keys\n"
        "[key k]\nfile = @dir@/keys/alice.p12\npassword = credential:keys\n"
        "[rule a]\nsign = clear\nsender = alice@example.org\ncertificate = k\n";
    const auto check = load(text, "2026-11-23T12:00:00Z", gateway::Credentials::if_available);
    ASSERT_NE(check.snapshot, nullptr) << check.text();
    EXPECT_TRUE(check.snapshot->lacks.empty());
    EXPECT_TRUE(check.snapshot->keys_unchecked);
    ASSERT_EQ(check.problems.size(), 2U) << check.text();
    for (const auto& problem : check.problems) EXPECT_EQ(problem.severity, base::Severity::notice);
    // The daemon needs them.
    EXPECT_EQ(load(text).snapshot, nullptr);
}

TEST_F(SnapshotTest, AConfigurationWithoutARuleIsReported)
{
    EXPECT_TRUE(load("[milter]\nsocket = unix:/s\n").says("there is no rule: all mail passes as it is"));
}

}  // namespace
