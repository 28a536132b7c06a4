// What asking sources and asking about revocation share: the queue, and answers for a time.
#include <gtest/gtest.h>

#include <atomic>
#include <new>

#include "store/questions.h"
#include "store/timed_cache.h"

namespace
{

using namespace std::chrono_literals;

class Desk
{
public:
    using Pending = store::Questions<int, std::string>;

    ~Desk() { stop(); }

    // Of the server "a": answers with the number; throws when it is negative.
    base::Result<std::string> ask(int number)
    {
        std::unique_lock lock(mutex_);
        const std::string key = std::to_string(number);
        auto asked = pending_.find(key);
        if (asked == nullptr) {
            if (auto why = pending_.refusal("a", clock_.now()))
                return base::fail(base::Code::unavailable, "", *why);
            asked = pending_.add(key, "a", number, [this] { work(); });
        }
        if (asked == nullptr) return base::fail(base::Code::internal, "", "no thread");
        pending_.wait(lock, *asked, std::chrono::steady_clock::now() + 60s, {});
        if (!asked->answer) return base::fail(base::Code::internal, "", "no answer");
        return *asked->answer;
    }

    void stop()
    {
        std::vector<std::thread> ending;
        {
            const std::lock_guard lock(mutex_);
            ending = pending_.stop();
        }
        for (auto& thread : ending) thread.join();
    }

    std::atomic<int> questions = 0;

private:
    void work()
    {
        std::unique_lock lock(mutex_);
        pending_.serve(lock, base::Code::temporary, [&](Pending::Asked& one) {
            ++questions;
            lock.unlock();
            if (one.question == -1) throw std::runtime_error("a bug");
            if (one.question < 0) throw std::bad_alloc();
            auto answer = std::to_string(one.question);
            lock.lock();
            pending_.end_turn(one, std::nullopt, clock_.now(),
                              [](const auto&) { return base::fail(base::Code::unavailable, "", "never"); });
            pending_.finish(one, std::move(answer));
        });
    }

    base::FixedClock clock_{base::Time(1000000s)};
    std::mutex mutex_;
    Pending pending_{1, 8};
};

TEST(Questions, WhatFailsForWantOfMemoryIsAnsweredAndTakesNobodysTurn)
{
    Desk desk;
    for (int round = 1; round <= 3; ++round) {
        const auto failed = desk.ask(-round);
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().what, round == 1 ? "internal error" : "out of memory");
        EXPECT_EQ(failed.error().code, base::Code::temporary);
        // There is one thread and one turn: nothing would be answered if either were lost.
        EXPECT_EQ(desk.ask(round), std::to_string(round));
    }
    EXPECT_EQ(desk.questions, 6);
}

TEST(Questions, NothingIsAskedAfterTheEnd)
{
    Desk desk;
    EXPECT_EQ(desk.ask(1), "1");
    desk.stop();
    const auto late = desk.ask(2);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().what, "stopping");
    EXPECT_EQ(desk.questions, 1);
}

TEST(TimedCache, AnAnswerLastsItsTimeAndWhatWasUsedLastLongest)
{
    store::TimedCache<std::string> cache;
    const base::Time now(1000s);
    cache.keep("a", "1", 10, now, now + 60s);
    cache.keep("b", "2", 20, now, now + 60s);
    cache.keep("a", "3", 30, now, now + 60s);
    EXPECT_EQ(cache.size(), 2U);
    EXPECT_EQ(cache.octets(), 50U);

    EXPECT_EQ(cache.find("b", now + 59s), "2");
    cache.forget_oldest();
    EXPECT_EQ(cache.find("a", now), std::nullopt) << "b was used after it";
    EXPECT_EQ(cache.find("b", now + 60s), std::nullopt);
    EXPECT_TRUE(cache.empty());

    cache.keep("c", "4", 40, now, now + 60s);
    EXPECT_EQ(cache.find("c", now - 1s), std::nullopt) << "the clock was set back";
    EXPECT_EQ(cache.octets(), 0U);
}

}  // namespace
