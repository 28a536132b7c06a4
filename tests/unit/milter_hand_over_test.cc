// What is remembered about copies of split mail that the MTA has taken.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "milter/handed_over.h"
#include "store_fixture.h"

namespace
{

using fixture::now;
using fixture::TemporaryDirectory;
using milter::HandedOver;

std::string id(int n) { return std::string(63, 'a') + std::to_string(n); }

TEST(HandedOver, IsRememberedForFiveDays)
{
    HandedOver memory;
    EXPECT_FALSE(memory.knows(id(1), now));
    ASSERT_TRUE(memory.add(id(1), now));
    EXPECT_TRUE(memory.knows(id(1), now + HandedOver::longest - std::chrono::seconds(1)));
    EXPECT_FALSE(memory.knows(id(1), now + HandedOver::longest));
    ASSERT_TRUE(memory.add(id(2), now + HandedOver::longest));
    EXPECT_EQ(memory.size(), 1U) << "what is too old makes room";
    ASSERT_TRUE(memory.forget(id(2)));
    ASSERT_TRUE(memory.forget(id(2)));
    EXPECT_EQ(memory.size(), 0U);
}

TEST(HandedOver, WhatIsDoneIsRememberedForARetryOnly)
{
    HandedOver memory;
    ASSERT_TRUE(memory.add(id(1), now));
    ASSERT_TRUE(memory.settle(id(1), now));
    ASSERT_TRUE(memory.settle(id(1), now + std::chrono::hours(1)));
    ASSERT_TRUE(memory.settle(id(2), now));
    EXPECT_EQ(memory.size(), 1U);
    EXPECT_TRUE(memory.knows(id(1), now + HandedOver::for_a_retry - std::chrono::seconds(1)));
    EXPECT_FALSE(memory.knows(id(1), now + HandedOver::for_a_retry)) << "sent again on purpose";
}

TEST(HandedOver, TheOldestMakesRoomAndTheFileStaysSmall)
{
    const TemporaryDirectory d;
    HandedOver memory;
    ASSERT_TRUE(memory.keep_in(d / "handed-over", now));
    const int many = 3 * static_cast<int>(HandedOver::most);
    for (int i = 0; i < many; ++i) ASSERT_TRUE(memory.add(id(i), now));
    EXPECT_EQ(memory.size(), HandedOver::most);
    EXPECT_FALSE(memory.knows(id(0), now));
    EXPECT_TRUE(memory.knows(id(many - 1), now));
    EXPECT_LT(std::filesystem::file_size(d / "handed-over"), std::size_t{2} * 81 * HandedOver::most + 1000);
}

TEST(HandedOver, SurvivesWhoeverHasWrittenIt)
{
    const TemporaryDirectory d;
    {
        HandedOver memory;
        ASSERT_TRUE(memory.keep_in(d / "f", now));
        for (int i = 0; i < 4; ++i) ASSERT_TRUE(memory.add(id(i), now));
        ASSERT_TRUE(memory.forget(id(2)));
    }
    {
        std::ofstream file(d / "f", std::ios::app | std::ios::binary);
        file << "\n \njunk\n"
             << std::string(5000, 'x') << " 1\n"
             << id(9) << " 99999999999999999999999\n"
             << id(8);
    }
    HandedOver memory;
    ASSERT_TRUE(memory.keep_in(d / "f", now));
    EXPECT_EQ(memory.size(), 3U);
    EXPECT_TRUE(memory.knows(id(0), now) && memory.knows(id(1), now) && memory.knows(id(3), now));
    EXPECT_FALSE(memory.knows(id(2), now));
    HandedOver later;
    ASSERT_TRUE(later.keep_in(d / "f", now + HandedOver::longest));
    EXPECT_EQ(later.size(), 0U);
}

TEST(HandedOver, WithoutAFileToWriteToItIsRememberedAndAnError)
{
    const TemporaryDirectory d;
    HandedOver memory;
    EXPECT_FALSE(memory.keep_in(d / "nowhere/f", now));
    EXPECT_FALSE(memory.add(id(1), now));
    EXPECT_TRUE(memory.knows(id(1), now));
}

}  // namespace
