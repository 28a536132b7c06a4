// Every golden case through process(); the same cases go through a Session in
// drips (milter tests) and over a real socket (tests/golden/server.cc, driven by
// tests/daemon/test_golden.py).
#include "golden/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "gateway/process.h"

namespace
{

const std::string directory = std::string(TEST_DATA) + "/golden";

class Golden : public testing::TestWithParam<std::string>
{
};

void expect_same(const std::string& path, const std::string& actual)
{
    if (std::getenv("GOLDEN_UPDATE") != nullptr) {
        ASSERT_TRUE(base::write_file(path, actual, 0644));
        return;
    }
    const std::string expected = golden::read(path);
    EXPECT_TRUE(expected == actual) << path << " differs\n--- expected\n"
                                    << expected << "\n--- actual\n"
                                    << actual;
}

TEST_P(Golden, ProcessGivesTheRecordedOutcome)
{
    const auto c = golden::load_case(directory, GetParam());
    const golden::Workspace workspace(c, directory);
    std::vector<base::Problem> problems;
    const auto snapshot = gateway::load_snapshot(workspace.configuration(), c.at, problems);
    std::string texts;
    for (const auto& problem : problems) texts += problem.text() + "\n";
    ASSERT_NE(snapshot, nullptr) << texts;

    const auto message = gateway::message_from_octets(golden::read(c.directory + "/in.eml"), c.envelope);
    ASSERT_TRUE(message) << message.error().text();
    const base::FixedClock clock(c.at);
    base::SeededRandom random(c.seed);
    gateway::World world;
    world.clock = &clock;
    world.random = &random;
    const auto outcome = gateway::process(*message, *snapshot, world);
    expect_same(c.directory + "/expect.txt", golden::describe(*message, outcome));
    expect_same(c.directory + "/out.eml", gateway::render(*message, outcome));

    // The decision at end-of-header must never throw away a message that process() would change.
    const auto header = gateway::at_end_of_header(c.envelope, message->header(), *snapshot);
    if (header.need == gateway::Need::nothing) {
        EXPECT_FALSE(outcome.edits());
        EXPECT_EQ(outcome.action, gateway::Action::accept);
    }
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::ValuesIn(golden::case_names(directory)),
                         [](const auto& param) {
                             std::string name = param.param;
                             for (char& c : name)
                                 if (c == '-') c = '_';
                             return name;
                         });

}  // namespace
