#include "policy/sender_login.h"
#include "policy_support.h"

namespace
{

using namespace policy;

struct Map {
    LoginMap map;
    std::vector<base::Problem> problems;
};

Map read(std::string_view content)
{
    Map out;
    out.map.mode = LoginMap::Mode::map;
    parse_sender_login("m", content, out.map, out.problems);
    return out;
}

TEST(SenderLogin, ListedAddressesAndDomainsOnly)
{
    const auto m = read(
        "# who may sign as whom\r\n"
        "alice:  alice@example.org, Sales@Example.org\r\n\r\n"
        "Boss@example.org: *@example.org\n"
        "alice: info@example.net");
    EXPECT_TRUE(m.problems.empty());
    const struct {
        const char *login, *address;
        bool allowed;
    } table[] = {
        {"alice", "alice@example.org", true},
        {"ALICE", "ALICE@EXAMPLE.ORG", true},
        {"alice", "sales@example.org", true},
        {"alice", "info@example.net", true},
        {"alice", "bob@example.org", false},
        {"alice", "alice+x@example.org", false},
        {"alice@example.org", "alice@example.org", false},
        {"boss@example.org", "anybody@EXAMPLE.org", true},
        {"boss@example.org", "x@sub.example.org", false},
        {"boss@example.org", "x@badexample.org", false},
        {"boss", "anybody@example.org", false},
        {"mallory", "alice@example.org", false},
        {"", "alice@example.org", false},
        {"alice", "", false},
    };
    for (const auto& row : table)
        EXPECT_EQ(m.map.allows(row.login, row.address), row.allowed) << row.login << " as " << row.address;
}

TEST(SenderLogin, AByteOrderMarkIsNoPartOfALogin)
{
    EXPECT_TRUE(read("\xef\xbb\xbf"
                     "alice: alice@example.org")
                    .map.allows("alice", "alice@example.org"));
}

TEST(SenderLogin, LoginDomainCompletesALogin)
{
    auto m = read("alice@example.org: sales@example.org\nbob: info@example.org\n");
    m.map.domain = "example.org";
    EXPECT_TRUE(m.map.allows("alice", "sales@example.org"));
    EXPECT_TRUE(m.map.allows("bob", "info@example.org"));
    EXPECT_FALSE(m.map.allows("alice@example.net", "sales@example.org"));
}

TEST(SenderLogin, WithoutAMapALoginIsItsOwnAddress)
{
    LoginMap map;
    EXPECT_TRUE(map.allows("Alice@example.org", "alice@EXAMPLE.org"));
    EXPECT_FALSE(map.allows("alice", "alice@example.org"));
    EXPECT_FALSE(map.allows("alice@example.org", "bob@example.org"));
    map.domain = "example.org";
    EXPECT_TRUE(map.allows("alice", "alice@example.org"));
    EXPECT_FALSE(map.allows("alice", "alice@example.net"));
}

TEST(SenderLogin, MistakesHaveTheirLine)
{
    const struct {
        const char *line, *problem;
    } table[] = {
        {"alice", "m:2: error: no \":\" in the line; wanted LOGIN: ADDRESS[, ADDRESS...]"},
        {"ali\tce: a@example.org", "m:2: error: \"ali\\x09ce\" is no login"},
        {"\xff: a@example.org", "m:2: error: \"\\xff\" is no login"},
        {"alice:", "m:2: error: no address for login \"alice\""},
        {": a@example.org", "m:2: error: \"\" is no login"},
        {"*: a@example.org", "m:2: error: \"*\" is no login"},
        {"alice smith: a@example.org", "m:2: error: \"alice smith\" is no login"},
        {"  alice: a@example.org", "m:2: error: the line starts with a blank"},
        {"alice: example.org", "m:2: error: \"example.org\" is no address"},
        {"alice: *", "m:2: error: \"*\" is no address"},
        {"alice: *@", "m:2: error: \"*@\" is no address"},
        {"alice: *@*.org", "m:2: error: \"*@*.org\" is no address"},
        {"alice: a*@example.org", "m:2: error: \"a*@example.org\" is no address"},
        {"alice: a@example.org b@example.org", "m:2: error: \"a@example.org b@example.org\" is no address"},
        {"alice: a@example.org # boss", "m:2: error: \"a@example.org # boss\" is no address"},
    };
    for (const auto& row : table) {
        const auto m = read(std::string("ok: ok@example.org\n") + row.line + "\nlast: last@example.org\n");
        ASSERT_EQ(m.problems.size(), 1U) << row.line;
        EXPECT_TRUE(m.problems[0].text().starts_with(row.problem)) << m.problems[0].text();
        EXPECT_TRUE(m.map.allows("last", "last@example.org"));
    }
}

TEST(SenderLogin, AFileThatIsNoMapDoesNotFloodTheScreen)
{
    std::string content;
    for (int i = 0; i < 10000; ++i) content += "nonsense\n";
    const auto m = read(content);
    ASSERT_EQ(m.problems.size(), 21U);
    EXPECT_EQ(m.problems.back().text(), "m: error: 9980 more mistakes of this kind");
}

TEST(SenderLogin, TenThousandLinesAreLookedUpNotSearched)
{
    std::string content;
    for (int i = 0; i < 10000; ++i)
        content += "user" + std::to_string(i) + ": user" + std::to_string(i) + "@example.org\n";
    const auto m = read(content);
    // A search of all lines would take 10^9 comparisons.
    for (int i = 0; i < 100000; ++i) {
        const auto user = "user" + std::to_string(i % 10000);
        ASSERT_TRUE(m.map.allows(user, user + "@example.org"));
    }
}

}  // namespace
