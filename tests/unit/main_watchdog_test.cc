#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "main/watchdog.h"

namespace daemon_main
{
namespace
{

using namespace std::chrono_literals;

class WatchdogProgress : public testing::Test
{
protected:
    bool made(Activity activity, std::chrono::seconds at) { return progress_.made(activity, begin_ + at); }

    Progress::Time begin_ = Progress::Time() + 1h;
    Progress progress_{60s, begin_};
};

TEST_F(WatchdogProgress, IdleWorkersAreWellForEver)
{
    EXPECT_TRUE(made({0, 0}, 0s));
    EXPECT_TRUE(made({0, 0}, 1000s));
    EXPECT_TRUE(made({0, 7}, 9000s));
}

TEST_F(WatchdogProgress, WorkThatNeverEndsIsStuckAfterThePatience)
{
    EXPECT_TRUE(made({1, 5}, 10s));
    EXPECT_TRUE(made({1, 5}, 69s));
    EXPECT_FALSE(made({1, 5}, 70s));
    EXPECT_FALSE(made({1, 5}, 1000s));
}

TEST_F(WatchdogProgress, PatienceCountsFromTheBeginningOfTheWorkNotFromTheLastMessage)
{
    EXPECT_TRUE(made({0, 5}, 0s));
    EXPECT_TRUE(made({0, 5}, 500s));  // idle
    EXPECT_TRUE(made({1, 5}, 520s));
    EXPECT_TRUE(made({1, 5}, 559s));
    EXPECT_FALSE(made({1, 5}, 560s));
}

TEST_F(WatchdogProgress, OneStuckWorkerAmongBusyOnesIsNoReasonToEndThemAll)
{
    std::uint64_t finished = 0;
    for (auto at = 0s; at < 600s; at += 20s) EXPECT_TRUE(made({2, ++finished}, at));
}

TEST_F(WatchdogProgress, NewWorkIsNotProgress)
{
    std::int64_t busy = 1;
    EXPECT_TRUE(made({busy, 0}, 0s));
    for (auto at = 20s; at < 60s; at += 20s) EXPECT_TRUE(made({++busy, 0}, at));
    EXPECT_FALSE(made({++busy, 0}, 60s));
}

TEST_F(WatchdogProgress, GoesOnWhenTheWorkEndsAfterAll)
{
    EXPECT_TRUE(made({1, 0}, 1s));
    EXPECT_FALSE(made({1, 0}, 100s));
    EXPECT_TRUE(made({0, 1}, 120s));
}

class WatchdogInterval : public testing::Test
{
protected:
    void TearDown() override
    {
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
    }
};

TEST_F(WatchdogInterval, IsWhatTheManagerSays)
{
    EXPECT_FALSE(watchdog_interval());
    setenv("WATCHDOG_USEC", "60000000", 1);
    EXPECT_EQ(watchdog_interval(), 60s);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
    EXPECT_EQ(watchdog_interval(), 60s);
}

TEST_F(WatchdogInterval, IsNotForAnotherProcess)
{
    setenv("WATCHDOG_USEC", "60000000", 1);
    setenv("WATCHDOG_PID", std::to_string(getpid() + 1).c_str(), 1);
    EXPECT_FALSE(watchdog_interval());
}

TEST_F(WatchdogInterval, NonsenseIsNoInterval)
{
    for (const char* text : {"", "0", "-1", "soon", "60s", "99999999999999999999"}) {
        setenv("WATCHDOG_USEC", text, 1);
        EXPECT_FALSE(watchdog_interval()) << text;
    }
}

}  // namespace
}  // namespace daemon_main
