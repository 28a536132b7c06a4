#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "milter/meter.h"

namespace milter
{
namespace
{

gateway::Outcome outcome(std::string action, std::string status, std::string rule = {})
{
    gateway::Outcome out;
    out.facts = {{"action", std::move(action), false}, {"status", std::move(status), false}};
    if (!rule.empty()) out.facts.push_back({"rule", std::move(rule), false});
    return out;
}

std::vector<policy::Rule> rules(std::initializer_list<const char*> names)
{
    std::vector<policy::Rule> out(names.size());
    std::size_t i = 0;
    for (const char* name : names) out[i++].name = name;
    return out;
}

TEST(Endings, AreCountedByActionAndResult)
{
    Meter meter;
    for (int i = 0; i < 3; ++i) meter.count(outcome("sign", "ok"), nullptr, {}, std::nullopt);
    meter.count(outcome("none", ""), nullptr, {}, std::nullopt);
    const auto all = meter.endings.all();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].action + "/" + all[0].result, "sign/ok");
    EXPECT_EQ(all[0].count, 3U);
    EXPECT_EQ(all[1].action + "/" + all[1].result, "none/none");
}

TEST(Endings, ThatAreTooManyAreCountedTogether)
{
    Endings endings;
    for (std::size_t i = 0; i < Endings::most + 10; ++i) endings.add("reject", std::to_string(i));
    const auto all = endings.all();
    ASSERT_EQ(all.size(), Endings::most + 1);
    EXPECT_EQ(all.back().action, "other");
    EXPECT_EQ(all.back().count, 10U);
}

TEST(Endings, OfManyThreadsAreNotLost)
{
    Endings endings;
    constexpr int threads = 8, each = 2000;
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t)
        running.emplace_back([&endings] {
            for (int i = 0; i < each; ++i) endings.add("verify", std::to_string(i % 20));
        });
    for (int i = 0; i < 100; ++i) (void)endings.all();
    for (auto& thread : running) thread.join();
    std::uint64_t total = 0;
    const auto all = endings.all();
    EXPECT_EQ(all.size(), 20U);
    for (const auto& e : all) total += e.count;
    EXPECT_EQ(total, std::uint64_t{threads} * each);
}

TEST(RuleHits, GoOnCountingAfterAReload)
{
    const auto before = rules({"staff", "inbound"});
    const RuleHits old(before, nullptr);
    Meter meter;
    meter.count(outcome("sign", "ok", "staff"), &old, {}, std::nullopt);
    const auto after = rules({"new", "staff"});
    const RuleHits now(after, &old);
    meter.count(outcome("sign", "ok", "staff"), &now, {}, std::nullopt);
    meter.count(outcome("sign", "ok", "staff"), &old, {}, std::nullopt);  // began before the reload
    meter.count(outcome("sign", "ok", "gone"), &now, {}, std::nullopt);
    const auto hits = now.all();
    ASSERT_EQ(hits.size(), 2U);
    EXPECT_EQ(hits[0].rule, "new");
    EXPECT_EQ(hits[0].count, 0U);
    EXPECT_EQ(hits[1].rule, "staff");
    EXPECT_EQ(hits[1].count, 3U);
}

TEST(Meter, CountsWhatWentWrongByStage)
{
    Meter meter;
    auto failed = outcome("tempfail", "451 4.3.2");
    failed.failed = gateway::Stage::edit;
    meter.count(failed, nullptr, {}, std::nullopt);
    for (std::size_t i = 0; i < gateway::stages; ++i)
        EXPECT_EQ(meter.errors[i], i == static_cast<std::size_t>(gateway::Stage::edit) ? 1U : 0U);
}

TEST(Histogram, PutsAValueAtItsBoundBelowIt)
{
    Histogram<2> histogram({10, 20});
    for (const std::uint64_t value : {1, 10, 11, 20, 21, 1000}) histogram.add(value);
    EXPECT_EQ(histogram.count(0), 2U);
    EXPECT_EQ(histogram.count(1), 2U);
    EXPECT_EQ(histogram.count(2), 2U);
    EXPECT_EQ(histogram.total(), 6U);
    EXPECT_EQ(histogram.sum(), 1063U);
}

}  // namespace
}  // namespace milter
