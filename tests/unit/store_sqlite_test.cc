// The database on this machine: what is left of it after a kill, on a full disk, and
// when it is damaged.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "cms/certificate_summary.h"
#include "config.h"
#include "store/harvester.h"
#include "store/sqlite_store.h"
#include "store_fixture.h"

#ifdef HAVE_SQLITE
namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using store::Harvest;
using store::LearnedState;
using store::Lesson;
using store::OnDamage;
using store::Purpose;
using store::SqliteDatabase;
using store::SqliteLearned;
using store::SqliteStore;

std::unique_ptr<SqliteLearned> open(const std::string& path, OnDamage on_damage = OnDamage::refuse)
{
    std::vector<base::Problem> problems;
    return must(SqliteLearned::open(path, on_damage, problems));
}

Lesson lesson(const cms::Identity& who, std::optional<base::Time> t = now)
{
    Lesson l{who.certificate.addresses().front(), who.certificate, {pki().sub.certificate}};
    l.signing_time = t;
    return l;
}

std::int64_t count(const std::string& path, const char* sql = "SELECT count(*) FROM certificate")
{
    const auto database = must(SqliteDatabase::open(path, SqliteDatabase::Mode::read));
    SqliteDatabase::Statement statement(database, sql);
    EXPECT_TRUE(must(statement.step()));
    return statement.number(0);
}

// Rows of one certificate for many addresses: what counts is how many there are.
void fill(const std::string& path, int from, int to)
{
    const auto database = must(SqliteDatabase::open(path, SqliteDatabase::Mode::write));
    store::SqliteTransaction transaction(database);
    const auto s = must(cms::summarise(pki().alice.certificate.der()));
    SqliteDatabase::Statement statement(
        database,
        "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
        " INSERT INTO certificate (address, fingerprint, der, issuer, serial, key_id, not_before, not_after, "
        "state,"
        " first_seen, last_seen) SELECT 'user' || i || '@example.net', ?, ?, ?, ?, ?, 0, 4000000000, 'used', "
        "0, 0"
        " FROM n");
    statement.bind(std::int64_t{from}).bind(std::int64_t{to}).bind(s.fingerprint);
    statement.bind_octets(pki().alice.certificate.der()).bind_octets(s.issuer).bind(s.serial);
    statement.bind_octets(s.subject_key_id);
    must(statement.done().map([] { return true; }));
    must(transaction.commit().map([] { return true; }));
}

TEST(Sqlite, WhatIsLearnedIsFoundWithTheIssuersOfItsPath)
{
    const TemporaryDirectory d;
    const SqliteStore reader(d / "db");
    EXPECT_TRUE(must(reader.find("alice@example.org", now, Purpose::encrypt)).empty()) << "not there yet";
    auto learned = open(d / "db");
    auto l = lesson(pki().alice);
    l.capabilities = {cms::Cipher::aes256_gcm, cms::Cipher::aes128_cbc};
    l.preferred = true;
    (void)must(learned->learn(l, Harvest::automatic, now));
    const auto found = must(reader.find("Alice@Example.ORG", now, Purpose::encrypt));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].certificate, pki().alice.certificate);
    EXPECT_EQ(found[0].issuers, std::vector{pki().sub.certificate});
    EXPECT_TRUE(found[0].preferred);
    EXPECT_EQ(found[0].capabilities, l.capabilities);
    EXPECT_EQ(found[0].origin.text(), "learned " + d / "db");
    EXPECT_FALSE(found[0].origin.needs_no_path());
}

TEST(Sqlite, PendingAndRejectedAreNotFoundUntilApproved)  // C05
{
    const TemporaryDirectory d;
    auto learned = open(d / "db");
    const SqliteStore reader(d / "db");
    const auto found = [&] { return must(reader.find("alice@example.org", now, Purpose::encrypt)).size(); };
    (void)must(learned->learn(lesson(pki().alice), Harvest::pending, now));
    EXPECT_EQ(found(), 0U);
    std::size_t at = 0;
    const auto waiting = must(learned->list(LearnedState::pending, at, 10));
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].first.address, "alice@example.org");
    EXPECT_EQ(waiting[0].first.reason, "waits for approval");
    const auto print = pki().alice.certificate.fingerprint();
    EXPECT_FALSE(must(learned->decide("bob@example.org", print, LearnedState::used)));
    EXPECT_TRUE(must(learned->decide("ALICE@example.org", print, LearnedState::used)));
    EXPECT_EQ(found(), 1U);
    EXPECT_TRUE(must(learned->decide("alice@example.org", print, LearnedState::rejected)));
    EXPECT_EQ(found(), 0U);
    EXPECT_EQ(must(learned->learn(lesson(pki().alice), Harvest::automatic, now)).judgement.what,
              store::Judgement::What::ignore);
    EXPECT_EQ(found(), 0U);
}

TEST(Sqlite, NoAddressHasMoreThanFive)  // C05
{
    const TemporaryDirectory d;
    auto learned = open(d / "db");
    for (int i = 0; i < 8; ++i) {
        const auto who = pki().leaf("k", [&](auto& r) { r.not_before = start + i * 24h; });
        (void)must(learned->learn(lesson(who, now + i * 1s), Harvest::automatic, now));
    }
    EXPECT_EQ(count(d / "db"), 5);
    const SqliteStore reader(d / "db");
    EXPECT_EQ(must(reader.find("alice@example.org", now, Purpose::encrypt)).front().certificate.not_before(),
              start + 7 * 24h);
}

TEST(Sqlite, AnOlderSchemaIsBroughtUpToDate)
{
    const TemporaryDirectory d;
    {
        (void)open(d / "db");
        const auto database = must(SqliteDatabase::open(d / "db", SqliteDatabase::Mode::write));
        must(database.run("DROP TABLE author; PRAGMA user_version = 1").map([] { return true; }));
    }
    fill(d / "old", 0, 1);  // through the present one, then back
    {
        const auto database = must(SqliteDatabase::open(d / "old", SqliteDatabase::Mode::write));
        must(database.run("DROP TABLE author; PRAGMA user_version = 1").map([] { return true; }));
    }
    const SqliteStore reader(d / "old");
    const auto before = reader.find("user0@example.net", now, Purpose::verify);
    ASSERT_FALSE(before);
    EXPECT_NE(before.error().text().find("start the daemon once"), std::string::npos);
    (void)open(d / "old");
    EXPECT_EQ(count(d / "old", "PRAGMA user_version"), 2);
    EXPECT_EQ(count(d / "old"), 1) << "nothing is lost";
    EXPECT_EQ(count(d / "old", "SELECT count(*) FROM author"), 0);
}

TEST(Sqlite, ANewerSchemaAndOtherPeoplesDatabasesAreLeftAlone)
{
    const TemporaryDirectory d;
    std::vector<base::Problem> problems;
    (void)open(d / "newer");
    must(must(SqliteDatabase::open(d / "newer", SqliteDatabase::Mode::write))
             .run("PRAGMA user_version = 99")
             .map([] { return true; }));
    auto opened = SqliteLearned::open(d / "newer", OnDamage::set_aside, problems);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().text().find("a newer version of smime-milter"), std::string::npos);
    (void)open(d / "other");
    must(must(SqliteDatabase::open(d / "other", SqliteDatabase::Mode::write))
             .run("PRAGMA application_id = 7")
             .map([] { return true; }));
    opened = SqliteLearned::open(d / "other", OnDamage::set_aside, problems);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().text().find("another program"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(d / "newer") && std::filesystem::exists(d / "other"));
    EXPECT_EQ(text(problems), "");
}

// What a process that is killed while it writes leaves behind.
TEST(Sqlite, AKillWhileWritingLosesNothingThatWasThere)
{
    const TemporaryDirectory d;
    (void)open(d / "db");
    std::int64_t before = 0;
    for (int round = 0; round < 12; ++round) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            std::vector<base::Problem> problems;
            auto learned = SqliteLearned::open(d / "db", OnDamage::refuse, problems);
            if (!learned) _exit(1);
            for (int i = 0;; ++i) {
                Lesson l = lesson(pki().alice);
                l.address = "u" + std::to_string(round) + "-" + std::to_string(i) + "@example.org";
                if (!(*learned)->put(l, LearnedState::used, now)) _exit(1);
            }
        }
        std::this_thread::sleep_for(10ms + round * 7ms);
        kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
        (void)open(d / "db", OnDamage::set_aside);  // checks all of it
        const auto after = count(d / "db");
        EXPECT_GE(after, before);
        before = after;
    }
    EXPECT_GT(before, 0);
    (void)open(d / "db");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(d.path()), {}), 1)
        << "nothing was set aside, and no log is left";
}

TEST(Sqlite, ADamagedDatabaseIsSetAsideAndANewOneBegins)
{
    const TemporaryDirectory d;
    for (const auto& [offset, length] : {std::pair(0, 100), std::pair(4096, 8192)}) {
        fill(d / "db", 0, 200);
        {
            std::fstream file(d / "db", std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(offset);
            file << std::string(static_cast<std::size_t>(length), 'x');
        }
        const SqliteStore reader(d / "db");
        const auto answer = reader.find("user7@example.net", now, Purpose::verify);
        EXPECT_FALSE(answer) << "what cannot be read is no \"none\"";
        std::vector<base::Problem> problems;
        // Whoever does not want to read all of it meets the damage at the latest when writing.
        const auto refused = SqliteLearned::open(d / "db", OnDamage::refuse, problems);
        EXPECT_FALSE(refused && (*refused)->learn(lesson(pki().alice), Harvest::automatic, now));
        auto learned = must(SqliteLearned::open(d / "db", OnDamage::set_aside, problems));
        ASSERT_EQ(problems.size(), 1U);
        EXPECT_EQ(problems[0].severity, base::Severity::error);
        EXPECT_NE(text(problems).find("it is set aside as " + d / "db.damaged-"), std::string::npos);
        (void)must(learned->learn(lesson(pki().alice), Harvest::automatic, now));
        EXPECT_EQ(must(reader.find("alice@example.org", now, Purpose::encrypt)).size(), 1U)
            << "a reader that was there before notices";
        learned.reset();
        for (const auto& entry : std::filesystem::directory_iterator(d.path()))
            std::filesystem::remove(entry.path());
    }
}

TEST(Sqlite, ABackupWhileItIsWrittenIsWhole)
{
    const TemporaryDirectory d;
    fill(d / "db", 0, 2000);
    std::atomic<bool> done = false;
    std::thread writer([&] {
        auto learned = open(d / "db");
        for (int i = 0; !done; ++i) {
            Lesson l = lesson(pki().alice);
            l.address = "w" + std::to_string(i) + "@example.org";
            (void)must(learned->put(l, LearnedState::used, now).map([] { return true; }));
        }
    });
    const SqliteStore reader(d / "db");
    for (int i = 0; i < 3; ++i) {
        const auto copy = d / "copy" + std::to_string(i);
        EXPECT_TRUE(reader.backup(copy));
        (void)open(copy, OnDamage::set_aside);
        EXPECT_GE(count(copy), 2000);
        EXPECT_FALSE(reader.backup(copy)) << "nothing is overwritten";
    }
    done = true;
    writer.join();
}

TEST(Sqlite, TwoWritersLoseNothingAndDoubleNothing)
{
    const TemporaryDirectory d;
    (void)open(d / "db");
    std::vector<std::thread> writers;
    std::atomic<int> failed = 0;
    for (int t = 0; t < 2; ++t)
        writers.emplace_back([&] {
            auto learned = open(d / "db");
            for (int i = 0; i < 100; ++i) {
                Lesson l = lesson(pki().alice);
                l.address = "alice@example.org";
                if (!learned->learn(l, Harvest::automatic, now)) ++failed;
                l.address = "x" + std::to_string(i) + "@example.org";
                if (!learned->put(l, LearnedState::used, now)) ++failed;
            }
        });
    for (auto& t : writers) t.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(count(d / "db"), 101);
}

// A limit on the size of files is what a full disk looks like to SQLite.
TEST(Sqlite, OnAFullDiskLearningFailsAndReadingGoesOn)
{
    const TemporaryDirectory d;
    fill(d / "db", 0, 100);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{512U << 10, 512U << 10};
        setrlimit(RLIMIT_FSIZE, &limit);
        std::vector<base::Problem> problems;
        auto learned = SqliteLearned::open(d / "db", OnDamage::set_aside, problems);
        if (!learned) _exit(1);
        bool failed = false;
        for (int i = 0; i < 5000 && !failed; ++i) {
            Lesson l = lesson(pki().alice);
            l.address = "f" + std::to_string(i) + "@example.org";
            const auto put = (*learned)->put(l, LearnedState::used, now);
            failed = !put && put.error().code == base::Code::io;
        }
        const SqliteStore reader(d / "db");
        const auto found = reader.find("user7@example.net", now, Purpose::verify);
        _exit(failed && found && problems.empty() ? 0 : 2);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    (void)open(d / "db", OnDamage::set_aside);
    EXPECT_GE(count(d / "db"), 100);
}

TEST(Sqlite, AHundredThousandAndNoRoomForMoreThanThat)
{
    const TemporaryDirectory d;
    fill(d / "db", 0, 99'999);
    auto learned = open(d / "db");
    auto began = std::chrono::steady_clock::now();
    (void)must(learned->learn(lesson(pki().alice), Harvest::automatic, now));
    const auto learning = std::chrono::steady_clock::now() - began;
    const auto full = must(learned->learn(lesson(pki().bob), Harvest::automatic, now));
    EXPECT_EQ(full.judgement.what, store::Judgement::What::ignore);
    EXPECT_EQ(full.judgement.reason, "100000 certificates have been learned, there is no room");
    EXPECT_EQ(count(d / "db"), 100'000);
    const SqliteStore reader(d / "db");
    began = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i)
        (void)must(reader.find("stranger" + std::to_string(i) + "@x.example", now, Purpose::encrypt));
    const auto asking = (std::chrono::steady_clock::now() - began) / 1000;
    RecordProperty("learning_us", static_cast<int>(learning / 1us));
    RecordProperty("asking_us", static_cast<int>(asking / 1us));
    EXPECT_LT(asking, 10ms);
    // What has expired makes room.
    must(must(SqliteDatabase::open(d / "db", SqliteDatabase::Mode::write))
             .run("UPDATE certificate SET not_after = 1 WHERE address = 'user5@example.net'")
             .map([] { return true; }));
    EXPECT_EQ(must(learned->learn(lesson(pki().bob), Harvest::automatic, now)).judgement.what,
              store::Judgement::What::add);
}

// --- the thread that writes ---

class HarvesterTest : public testing::Test
{
protected:
    HarvesterTest() { into_.name = into_.uri = "sqlite:" + path_; }
    void learn(const Lesson& l)
    {
        harvester_.learn(l);
        harvester_.wait_until_idle();
    }
    std::string told()
    {
        const std::lock_guard lock(mutex_);
        return told_;
    }

    TemporaryDirectory directory_;
    std::string path_ = directory_ / "db";
    store::SourceSettings into_;
    std::mutex mutex_;
    std::string told_;
    base::FixedClock clock_{now};
    store::Sources sources_{clock_};
    store::Harvester harvester_{clock_, sources_, [this](base::Level level, const base::LogLine& line) {
                                    const std::lock_guard lock(mutex_);
                                    if (level > base::Level::debug) told_ += line.text() + "\n";
                                }};
};

TEST_F(HarvesterTest, LearnsAndTellsTheLog)  // C05
{
    harvester_.configure(&into_, Harvest::automatic);
    learn(lesson(pki().alice));
    learn(lesson(pki().alice));
    EXPECT_EQ(count(path_), 1);
    EXPECT_EQ(harvester_.counts().used, 1U);
    EXPECT_EQ(told().find("action=learn from=<alice@example.org> status=used serial="), 0U) << told();
    EXPECT_EQ(std::count(told_.begin(), told_.end(), '\n'), 1) << "what is seen again is no news";
}

TEST_F(HarvesterTest, ADatabaseThatIsDamagedWhileItRunsIsReplaced)
{
    harvester_.configure(&into_, Harvest::automatic);
    learn(lesson(pki().alice));
    for (const auto& file : {path_, path_ + "-wal"}) {
        const auto size = std::filesystem::file_size(file);
        std::fstream(file, std::ios::in | std::ios::out | std::ios::binary) << std::string(size, 'x');
    }
    EXPECT_FALSE(SqliteStore(path_).find("alice@example.org", now, Purpose::encrypt)) << "somebody asks";
    learn(lesson(pki().bob));
    EXPECT_NE(told().find("set aside as"), std::string::npos) << told();
    const SqliteStore reader(path_);
    EXPECT_EQ(must(reader.find("bob@example.org", now, Purpose::encrypt)).size(), 1U);
}

TEST_F(HarvesterTest, WhereItCannotWriteItSaysSoOnceAndMailGoesOn)
{
    into_.name = into_.uri = "sqlite:" + directory_ / "nowhere/db";
    harvester_.configure(&into_, Harvest::automatic);
    for (int i = 0; i < 5; ++i) learn(lesson(pki().alice));
    EXPECT_EQ(harvester_.counts().lost, 5U);
    EXPECT_NE(told().find("nothing is learned"), std::string::npos);
    EXPECT_EQ(std::count(told_.begin(), told_.end(), '\n'), 1) << told();
}

TEST_F(HarvesterTest, FarTooManyLessonsAreLostAndNobodyWaits)
{
    harvester_.configure(&into_, Harvest::automatic);
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 2000; ++i) harvester_.learn(lesson(pki().alice));
    EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
    harvester_.stop();
    EXPECT_GT(harvester_.counts().lost, 0U);
}

TEST_F(HarvesterTest, OffLearnsNothing)  // C05
{
    harvester_.configure(&into_, Harvest::off);
    learn(lesson(pki().alice));
    EXPECT_EQ(count(path_), 0);
    harvester_.configure(nullptr, Harvest::automatic);
    learn(lesson(pki().alice));
    EXPECT_EQ(count(path_), 0);
}

}  // namespace
#endif
