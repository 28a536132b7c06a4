#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/ascii.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/lru_cache.h"

namespace
{

using namespace base;

TEST(Ascii, WildcardsMatchWithoutRegardToCase)
{
    EXPECT_TRUE(wildcard_match("*@example.org", "Alice@EXAMPLE.org"));
    EXPECT_TRUE(wildcard_match("a?ice@*", "alice@x"));
    EXPECT_TRUE(wildcard_match("*", ""));
    EXPECT_FALSE(wildcard_match("*@example.org", "alice@example.org.evil"));
    EXPECT_FALSE(wildcard_match("", "a"));
}

TEST(Ascii, ManyStarsAgainstALongTextEndInTime)
{
    EXPECT_FALSE(wildcard_match(std::string(200, '*') + "b", std::string(20000, 'a')));
    EXPECT_FALSE(wildcard_match("a*a*a*a*a*a*a*a*a*b", std::string(20000, 'a')));
}

TEST(Ascii, DecimalsAreStrict)
{
    EXPECT_EQ(parse_decimal("18446744073709551615"), 18446744073709551615ULL);
    for (const char* bad : {"", "+1", "-1", " 1", "1 ", "0x1", "12a", "18446744073709551616"})
        EXPECT_FALSE(parse_decimal(bad)) << bad;
}

TEST(Buffer, KeepsItsContentWhileItGrowsFromHeapToMapping)
{
    Buffer buffer;
    std::string expected;
    for (int i = 0; i < 3000; ++i) {
        const std::string chunk(997, static_cast<char>('a' + i % 26));
        ASSERT_TRUE(buffer.append(chunk));
        expected += chunk;
    }
    EXPECT_TRUE(buffer.view() == expected);
    Buffer moved = std::move(buffer);
    EXPECT_TRUE(moved.view() == expected);
    EXPECT_EQ(buffer.size(), 0U);  // NOLINT(bugprone-use-after-move): that is what is tested
}

TEST(Buffer, KeepsItsContentWhileItsMappingGrows)
{
    Buffer buffer;
    const std::string chunk(65535, 'x');
    for (int i = 0; i < 400; ++i) {
        ASSERT_TRUE(buffer.append(chunk));
        ASSERT_TRUE(buffer.append({reinterpret_cast<const char*>(&i), sizeof i}));
    }
    const std::size_t step = chunk.size() + sizeof(int);
    ASSERT_EQ(buffer.size(), 400 * step);
    for (int i = 0; i < 400; ++i) {
        const auto piece = buffer.view().substr(static_cast<std::size_t>(i) * step, step);
        ASSERT_TRUE(piece.starts_with(chunk));
        ASSERT_EQ(piece.substr(chunk.size()), Octets(reinterpret_cast<const char*>(&i), sizeof i));
    }
}

TEST(Buffer, RefusesWhatCannotBeHadAndKeepsWhatItHas)
{
    Buffer buffer;
    ASSERT_TRUE(buffer.append("abc"));
    EXPECT_FALSE(buffer.reserve(std::size_t{1} << 60));
    EXPECT_FALSE(buffer.reserve(SIZE_MAX));
    EXPECT_FALSE(buffer.reserve(SIZE_MAX - (std::size_t{1} << 21)));
    EXPECT_EQ(buffer.view(), "abc");
}

TEST(Clock, ParsesAndPrintsTimes)
{
    EXPECT_EQ(iso8601(*parse_time("2026-11-23T12:00:00Z")), "2026-11-23T12:00:00Z");
    EXPECT_EQ(iso8601(*parse_time("2026-11-23T12:00:00+01:30")), "2026-11-23T10:30:00Z");
    EXPECT_EQ(iso8601(*parse_time("2026-02-28")), "2026-02-28T00:00:00Z");
    EXPECT_EQ(parse_time("@1613842022")->time_since_epoch().count(), 1613842022);
    for (const char* bad : {"", "@", "@x", "2026-13-01", "2026-02-30", "yesterday", "2026-11-23T25:00:00Z",
                            "2026-11-23T12:00:00", "2026-11-23 12:00:00Zjunk", "@99999999999999999999"})
        EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(Random, SeededSequencesRepeatAndSystemOnesDoNot)
{
    SeededRandom a(1), b(1);
    EXPECT_EQ(a.hex(32), b.hex(32));
    SystemRandom s;
    EXPECT_NE(s.hex(32), s.hex(32));
    EXPECT_EQ(s.hex(32).size(), 32U);
}

TEST(LogLine, CannotBeInjectedInto)
{
    LogLine line;
    line.add("reason", "a\nb\"c").add("empty", "").address("from", "x\r\ny z@e").number("ms", 4);
    EXPECT_EQ(line.text(), "reason=\"a\\x0ab'c\" from=<x\\x0d\\x0ay_z@e> ms=4");
}

TEST(StderrLog, ALineStaysOneLineWhateverIsInIt)
{
    StderrLog log("name");
    testing::internal::CaptureStderr();
    log.write(Level::error, "a\nname: error: forged\r\x1b[31m\x7f \xc3\xa4");
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "name: error: a\\x0aname: error: forged\\x0d\\x1b[31m\\x7f \xc3\xa4\n");
}

TEST(StderrLog, WhatIsAnErrorIsSaidOnce)
{
    StderrLog log("name");
    testing::internal::CaptureStderr();
    log.write(Level::error, "error: no option");
    log.write(Level::error, "/etc/a.conf:3: error: wrong");
    log.write(Level::warning, "/etc/a.conf:3: error: wrong");
    log.write(Level::notice, "ready");
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "name: error: no option\nname: /etc/a.conf:3: error: wrong\n"
              "name: warning: /etc/a.conf:3: error: wrong\nname: notice: ready\n");
}

TEST(LogLine, NamesTheMessageFirst)
{
    EXPECT_EQ(LogLine::about("4bX").say("aborted").text(), "4bX: aborted");
    EXPECT_EQ(LogLine::about("").number("ms", 4).text(), "NOQUEUE: ms=4");
    EXPECT_EQ(LogLine::about("a\nb: action=sign").text(), "a\\x0ab:_action_sign:") << "one word, no key";
}

const Time noon = *parse_time("2026-11-23T12:00:00Z");

TEST(JsonLine, HasTheSameKeysAsTheText)
{
    auto line = LogLine::about("4bX");
    line.add("action", "sign").address("from", "").number("ms", 4).add("comment", "a").add("comment", "b");
    EXPECT_EQ(line.json(Level::info, noon),
              R"({"time":"2026-11-23T12:00:00Z","level":"info","queue_id":"4bX","action":"sign",)"
              R"("from":"","ms":4,"comment":["a","b"]})");
    EXPECT_EQ(LogLine().say("serving").json(Level::notice, noon),
              R"({"time":"2026-11-23T12:00:00Z","level":"notice","message":"serving"})");
}

TEST(JsonLine, CannotBeInjectedInto)
{
    LogLine line;
    line.add("reason", "a\n\"},{\"level\":\"error\\")
        .add("subject", "\xc3\xa4 \xe2\x80\xae \xff \xf0\x9f\x98\x80 \x7f");
    line.add("nul", std::string_view("\0\x1b[31m", 6));
    EXPECT_EQ(line.json(Level::info, noon),
              R"({"time":"2026-11-23T12:00:00Z","level":"info","reason":"a\n\"},{\"level\":\"error\\",)"
              R"("subject":"\u00e4 \u202e \ufffd \ud83d\ude00 \u007f","nul":"\u0000\u001b[31m"})");
}

TEST(JsonLine, StaysAWholeObjectWhateverItsLength)
{
    const std::string worst(5000, '\x01');
    auto line = LogLine::about(worst);
    for (const char* key : {"a", "b", "c", "d", "e", "f", "g", "h"}) line.add(key, worst);
    line.number("ms", 4);
    for (const auto& json : {line.json(Level::info, noon), LogLine().say(worst).json(Level::info, noon)}) {
        EXPECT_LE(json.size(), LogLine::longest_json);
        EXPECT_TRUE(json.ends_with('}'));
        EXPECT_EQ(json.find('\n'), std::string::npos);
    }
    EXPECT_TRUE(line.json(Level::info, noon).ends_with(",\"ms\":4,\"truncated\":true}"));
    EXPECT_TRUE(LogLine().say(worst).json(Level::info, noon).ends_with("...\"}"));
}

TEST(FilterLog, WritesInTheFormAskedFor)
{
    FilterLog log(std::make_unique<StderrLog>("name"));
    testing::internal::CaptureStderr();
    log.record(Level::info, LogLine::about("4bX").add("action", "sign"));
    log.format(LogFormat::json);
    log.threshold(Level::notice);
    log.record(Level::info, LogLine::about("4bX").add("action", "dropped"));
    log.write(Level::notice, "two\nlines");
    const std::string out = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(out.starts_with("name: info: 4bX: action=sign\n{\"time\":\"")) << out;
    EXPECT_TRUE(out.ends_with("\"level\":\"notice\",\"message\":\"two\\nlines\"}\n")) << out;
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
}

TEST(LogLine, CutsWhatIsTooLong)
{
    EXPECT_EQ(printable(std::string(300, 'a'), 10), std::string(10, 'a') + "...");
}

class FileTest : public testing::Test
{
protected:
    void SetUp() override
    {
        char pattern[] = "/tmp/base_test.XXXXXX";
        ASSERT_NE(mkdtemp(pattern), nullptr);
        dir_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }
    std::string dir_;
};

TEST_F(FileTest, SecretFilesReadableByOthersAreRefusedWithTheCommandThatMendsIt)
{
    const std::string path = dir_ + "/key";
    ASSERT_TRUE(write_file(path, "secret", 0644));
    ASSERT_TRUE(read_file(path, 100));
    const auto refused = read_file(path, 100, Secrecy::secret);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text(),
              path + ": error: mode 0644: readable by others; run: chmod 640 " + path);
    ASSERT_EQ(chmod(path.c_str(), 0640), 0);
    EXPECT_EQ(*read_file(path, 100, Secrecy::secret), "secret");
    ASSERT_EQ(chmod(path.c_str(), 0660), 0);
    EXPECT_FALSE(read_file(path, 100, Secrecy::secret));
}

TEST_F(FileTest, FifosAndDirectoriesAreNotFiles)
{
    ASSERT_EQ(mkfifo((dir_ + "/fifo").c_str(), 0600), 0);
    EXPECT_FALSE(read_file(dir_ + "/fifo", 100));
    EXPECT_FALSE(read_file(dir_, 100));
    EXPECT_EQ(read_file(dir_ + "/none", 100).error().code, Code::no_input);
}

TEST_F(FileTest, LimitsAreKeptAndDirectoriesAreListedInOrder)
{
    ASSERT_TRUE(write_file(dir_ + "/b", std::string(101, 'x'), 0600));
    ASSERT_TRUE(write_file(dir_ + "/a", "", 0600));
    ASSERT_TRUE(write_file(dir_ + "/.hidden", "", 0600));
    EXPECT_FALSE(read_file(dir_ + "/b", 100));
    EXPECT_EQ(*read_file(dir_ + "/b", 101), std::string(101, 'x'));
    EXPECT_EQ(*read_file(dir_ + "/a", 0), "");
    // Which has no size before it is read, and more than fits at once.
    const auto maps = read_file("/proc/self/maps", 1U << 20);
    ASSERT_TRUE(maps);
    EXPECT_GT(maps->size(), 4097U);
    EXPECT_NE(maps->find("[stack]"), std::string::npos);
    EXPECT_EQ(maps->back(), '\n');
    EXPECT_FALSE(read_file("/proc/self/maps", 4097));
    EXPECT_EQ(*list_directory(dir_), (std::vector<std::string>{"a", "b"}));
}

TEST_F(FileTest, WhatIsCreatedReplacesNothing)
{
    const std::string path = dir_ + "/file";
    ASSERT_TRUE(create_file(path, "first", 0640));
    const auto refused = create_file(path, "second", 0640);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text(), path + ": error: exists already; remove it, or name another file");
    EXPECT_EQ(*read_file(path, 100, Secrecy::secret), "first");
    ASSERT_EQ(symlink("nothing", (dir_ + "/link").c_str()), 0);
    EXPECT_FALSE(create_file(dir_ + "/link", "second", 0640));
    EXPECT_EQ(*list_directory(dir_), (std::vector<std::string>{"file", "link"}));
    ASSERT_TRUE(write_file(path, "third", 0640));
    EXPECT_EQ(*read_file(path, 100), "third");
}

TEST_F(FileTest, OfManyWhoCreateOneFileOneSucceeds)
{
    std::atomic<int> created = 0;
    std::vector<std::jthread> threads;
    for (char c = 'a'; c < 'i'; ++c)
        threads.emplace_back([&, c] {
            if (create_file(dir_ + "/file", std::string(10'000, c), 0640)) ++created;
        });
    threads.clear();
    EXPECT_EQ(created, 1);
    const auto content = read_file(dir_ + "/file", 20'000);
    ASSERT_TRUE(content);
    EXPECT_EQ(*content, std::string(10'000, content->front()));
    EXPECT_EQ(list_directory(dir_)->size(), 1U);
}

TEST(LruCache, ForgetsWhatWasNotAskedForLongest)
{
    base::LruCache<int> cache(2);
    cache.insert("a", 1);
    cache.insert("b", 2);
    EXPECT_EQ(cache.find("a"), 1);
    cache.insert("c", 3);
    EXPECT_EQ(cache.find("b"), std::nullopt);
    EXPECT_EQ(cache.find("a"), 1);
    EXPECT_EQ(cache.find("c"), 3);
    cache.insert("a", 4);
    EXPECT_EQ(cache.find("a"), 4);
    EXPECT_EQ(cache.size(), 2U);
}

}  // namespace
