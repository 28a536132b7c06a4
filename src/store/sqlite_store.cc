#include "store/sqlite_store.h"

#include <algorithm>

#include "base/ascii.h"
#include "cms/certificate_summary.h"
#include "mime/address.h"

namespace store
{
namespace
{

constexpr std::size_t most_looked_at = 1024;  // of one address, before the best are taken

std::int64_t seconds(base::Time t) { return t.time_since_epoch().count(); }
base::Time time_of(std::int64_t s) { return base::Time(std::chrono::seconds(s)); }

using Statement = SqliteDatabase::Statement;

// The rows of a statement, one call each, until it answers with an error.
template <class Row>
base::Result<> each_row(Statement& statement, const Row& row)
{
    for (;;) {
        const auto more = statement.step();
        if (!more) return base::fail(more.error());
        if (!*more) return {};
        row();
    }
}

}  // namespace

std::string to_words(const std::vector<cms::Cipher>& ciphers)
{
    std::string out;
    for (const auto c : ciphers) out += (out.empty() ? "" : " ") + std::string(cms::name(c));
    return out;
}

std::vector<cms::Cipher> ciphers_of(std::string_view words)
{
    std::vector<cms::Cipher> out;
    for (const auto& word : base::split_list(words, ' '))
        if (const auto cipher = cms::cipher_named(word)) out.push_back(*cipher);
    return out;
}

// --- reading ---

base::Result<SqliteDatabase*> SqliteStore::connected() const
{
    if (database_ && !database_->in_place()) database_.reset();
    if (!database_) {
        auto opened = SqliteDatabase::open(path_, SqliteDatabase::Mode::read);
        if (!opened && opened.error().code == base::Code::no_input) return nullptr;
        if (!opened) return base::fail(opened.error());
        database_.emplace(std::move(*opened));
    }
    return &*database_;
}

template <class Bind, class Wanted>
base::Result<std::vector<Found>> SqliteStore::select(const char* condition, std::size_t most,
                                                     const Bind& bind, const Wanted& wanted) const
{
    std::vector<Found> out;
    const std::lock_guard lock(mutex_);
    const auto database = connected();
    if (!database) return base::fail(database.error());
    if (*database == nullptr) return out;
    Statement statement(**database,
                        "SELECT c.der, c.address, c.issuers, a.capabilities, a.preferred = c.fingerprint"
                        " FROM certificate c LEFT JOIN author a ON a.address = c.address"
                        " WHERE c.state = 'used' AND " +
                            std::string(condition) +
                            " ORDER BY c.not_before DESC, c.not_after DESC, c.fingerprint LIMIT " +
                            std::to_string(most_looked_at));
    bind(statement);
    for (;;) {
        const auto more = statement.step();
        if (!more) return base::fail(more.error());
        if (!*more || out.size() >= most) break;
        auto certificate = cms::Certificate::from_der(statement.text(0));
        const std::string address = statement.text(1);
        if (!certificate || !wanted(*certificate, address)) continue;
        // One certificate may have been learned for several addresses.
        if (std::any_of(out.begin(), out.end(),
                        [&](const Found& f) { return f.certificate == *certificate; }))
            continue;
        Found found{std::move(*certificate), nullptr, {Provenance::Kind::learned, path_, false}};
        found.preferred = statement.number(4) != 0;
        if (!statement.nothing(3)) found.capabilities = ciphers_of(statement.text(3));
        for (const auto& print : base::split_list(statement.text(2), ' ')) {
            Statement issuer(**database, "SELECT der FROM issuer WHERE fingerprint = ?");
            const auto row = issuer.bind(print).step();
            if (!row) return base::fail(row.error());
            if (!*row) continue;
            if (auto c = cms::Certificate::from_der(issuer.text(0))) found.issuers.push_back(std::move(*c));
        }
        out.push_back(std::move(found));
    }
    return out;
}

base::Result<std::vector<Found>> SqliteStore::find(std::string_view address, base::Time at,
                                                   Purpose purpose) const
{
    if (purpose == Purpose::sign || purpose == Purpose::decrypt) return std::vector<Found>();
    return select(
        "c.address = ?", most_found, [&](Statement& s) { s.bind(mime::address_key(address)); },
        [&](const cms::Certificate& c, const std::string&) {
            return c.names(address) && !unfit_for(purpose, c, at);
        });
}

base::Result<std::vector<Found>> SqliteStore::by_subject_key_id(base::Octets id) const
{
    if (id.empty()) return std::vector<Found>();
    return select(
        "c.key_id = ?", most_found, [&](Statement& s) { s.bind_octets(id); },
        [](const cms::Certificate&, const std::string&) { return true; });
}

base::Result<std::vector<Found>> SqliteStore::by_issuer_and_serial(base::Octets issuer,
                                                                   std::string_view serial) const
{
    return select(
        "c.issuer = ? AND c.serial = ?", most_found,
        [&](Statement& s) { s.bind_octets(issuer).bind(serial); },
        [](const cms::Certificate&, const std::string&) { return true; });
}

base::Result<std::optional<Found>> SqliteStore::by_fingerprint(std::string_view hex) const
{
    auto found = select(
        "c.fingerprint = ?", 1, [&](Statement& s) { s.bind(hex); },
        [](const cms::Certificate&, const std::string&) { return true; });
    if (!found) return base::fail(found.error());
    return found->empty() ? std::optional<Found>() : std::optional(std::move(found->front()));
}

base::Result<std::vector<Found>> SqliteStore::all(std::size_t most) const
{
    return select(
        "1", most, [](Statement&) {}, [](const cms::Certificate&, const std::string&) { return true; });
}

base::Result<> SqliteStore::backup(const std::string& file) const
{
    const std::lock_guard lock(mutex_);
    const auto database = connected();
    if (!database) return base::fail(database.error());
    if (*database == nullptr)
        return base::fail(base::Code::no_input, path_, "nothing has been learned yet: there is no database");
    return (*database)->write_copy(file);
}

// --- writing ---

base::Result<std::unique_ptr<SqliteLearned>> SqliteLearned::open(const std::string& path, OnDamage on_damage,
                                                                 std::vector<base::Problem>& problems)
{
    const auto opened = [&]() -> base::Result<SqliteDatabase> {
        auto made = SqliteDatabase::open(path, SqliteDatabase::Mode::write);
        if (!made || on_damage == OnDamage::refuse) return made;
        if (auto right = made->check(); !right) return base::fail(right.error());
        return made;
    };
    auto database = opened();
    const bool damaged = !database && database.error().code == base::Code::data;
    if (damaged && on_damage == OnDamage::set_aside) {
        auto problem = database.error();
        const auto name = set_aside(path);
        if (!name) return base::fail(name.error());
        problem.what +=
            "; it is set aside as " + *name + ", and what is learned from now on goes to a new one";
        problem.remedy = "put a backup in its place while the daemon is stopped, or see what \"sqlite3 " +
                         *name + " .recover\" can save";
        problems.push_back({base::Severity::error, std::move(problem)});
        database = opened();
    }
    if (!database) return base::fail(database.error());
    return std::unique_ptr<SqliteLearned>(new SqliteLearned(std::move(*database)));
}

base::Result<Memory> SqliteLearned::recall(const std::string& address) const
{
    Memory memory;
    Statement certificates(
        database_,
        "SELECT fingerprint, issuer, state, approved, reason, not_before, not_after,"
        " first_seen, last_seen FROM certificate WHERE address = ? ORDER BY fingerprint LIMIT " +
            std::to_string(most_looked_at));
    certificates.bind(address);
    auto read = each_row(certificates, [&] {
        Learned one;
        one.address = address;
        one.fingerprint = certificates.text(0);
        one.issuer = certificates.text(1);
        one.state = learned_state(certificates.text(2)).value_or(LearnedState::rejected);
        one.approved = certificates.number(3) != 0;
        one.reason = certificates.text(4);
        one.not_before = time_of(certificates.number(5));
        one.not_after = time_of(certificates.number(6));
        one.first_seen = time_of(certificates.number(7));
        one.last_seen = time_of(certificates.number(8));
        memory.certificates.push_back(std::move(one));
    });
    if (!read) return base::fail(read.error());
    Statement author(database_, "SELECT signing_time FROM author WHERE address = ?");
    const auto row = author.bind(address).step();
    if (!row) return base::fail(row.error());
    if (*row) memory.signing_time = time_of(author.number(0));
    const auto all = count();
    if (!all) return base::fail(all.error());
    memory.in_all = *all;
    return memory;
}

base::Result<std::size_t> SqliteLearned::count() const
{
    Statement statement(database_, "SELECT count(*) FROM certificate");
    const auto row = statement.step();
    if (!row) return base::fail(row.error());
    return static_cast<std::size_t>(statement.number(0));
}

base::Result<> SqliteLearned::add(const std::string& address, const Lesson& lesson, LearnedState state,
                                  bool approved, const std::string& reason, base::Time now) const
{
    const auto summary = cms::summarise(lesson.certificate.der());
    if (!summary) return base::fail(summary.error());
    std::string issuers;
    for (std::size_t i = 0; i < lesson.issuers.size() && i < limits::learned_issuers; ++i) {
        const auto& issuer = lesson.issuers[i];
        if (issuer.der().size() > limits::learned_octets) continue;
        issuers += (issuers.empty() ? "" : " ") + issuer.fingerprint();
        Statement statement(database_,
                            "INSERT OR IGNORE INTO issuer (fingerprint, der) SELECT ?, ?"
                            " WHERE (SELECT count(*) FROM issuer) < 10000");
        if (auto ok = statement.bind(issuer.fingerprint()).bind_octets(issuer.der()).done(); !ok) return ok;
    }
    Statement statement(
        database_,
        "INSERT OR REPLACE INTO certificate (address, fingerprint, der, issuer, serial, key_id,"
        " not_before, not_after, state, approved, reason, issuers, first_seen, last_seen)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    statement.bind(address).bind(summary->fingerprint).bind_octets(lesson.certificate.der());
    statement.bind_octets(summary->issuer).bind(summary->serial).bind_octets(summary->subject_key_id);
    statement.bind(seconds(summary->not_before)).bind(seconds(summary->not_after));
    statement.bind(word(state)).bind(approved ? std::int64_t{1} : std::int64_t{0}).bind(reason).bind(issuers);
    return statement.bind(seconds(now)).bind(seconds(now)).done();
}

base::Result<> SqliteLearned::describe_author(const std::string& address, const Lesson& lesson,
                                              const Judgement& judgement) const
{
    if (!judgement.take_time || !lesson.signing_time) return {};
    Statement statement(
        database_,
        "INSERT INTO author (address, signing_time, capabilities, preferred) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (address) DO UPDATE SET signing_time = excluded.signing_time,"
        " capabilities = excluded.capabilities, preferred = excluded.preferred");
    statement.bind(address).bind(seconds(*lesson.signing_time));
    if (judgement.take_capabilities && lesson.capabilities)
        statement.bind(to_words(*lesson.capabilities));
    else
        statement.bind_nothing();
    if (judgement.take_preference && lesson.preferred)
        statement.bind(lesson.certificate.fingerprint());
    else
        statement.bind_nothing();
    return statement.done();
}

base::Result<> SqliteLearned::carry_out(const std::string& address, const Lesson& lesson,
                                        const Judgement& judgement, base::Time now) const
{
    for (const auto& print : judgement.forget) {
        Statement statement(database_, "DELETE FROM certificate WHERE address = ? AND fingerprint = ?");
        if (auto ok = statement.bind(address).bind(print).done(); !ok) return ok;
    }
    if (judgement.what == Judgement::What::add) {
        if (auto ok = add(address, lesson, judgement.state, false, judgement.reason, now); !ok) return ok;
    } else {
        Statement statement(database_,
                            "UPDATE certificate SET last_seen = ? WHERE address = ? AND fingerprint = ?");
        statement.bind(seconds(now)).bind(address).bind(lesson.certificate.fingerprint());
        if (auto ok = statement.done(); !ok) return ok;
    }
    return describe_author(address, lesson, judgement);
}

base::Result<Learning> SqliteLearned::learn(const Lesson& lesson, Harvest mode, base::Time now)
{
    const std::string address = mime::address_key(lesson.address);
    SqliteTransaction transaction(database_);
    if (!transaction.begun()) return base::fail(transaction.begun().error());
    const auto memory = recall(address);
    if (!memory) return base::fail(memory.error());
    Learning out{judge(lesson, *memory, mode, now), lesson.certificate.fingerprint()};
    if (out.judgement.what == Judgement::What::ignore) return out;
    if (out.judgement.purge) {
        Statement expired(database_, "DELETE FROM certificate WHERE not_after < ?");
        if (auto ok = expired.bind(seconds(now)).done(); !ok) return base::fail(ok.error());
        if (auto ok =
                database_.run("DELETE FROM author WHERE address NOT IN (SELECT address FROM certificate)");
            !ok)
            return base::fail(ok.error());
        const auto left = count();
        if (!left) return base::fail(left.error());
        if (*left >= limits::learned_in_all) {
            // What has ended is gone for good, whatever becomes of this one.
            out.judgement = Judgement();
            out.judgement.reason =
                std::to_string(*left) + " certificates have been learned, there is no room";
            if (auto ok = transaction.commit(); !ok) return base::fail(ok.error());
            return out;
        }
    }
    if (auto ok = carry_out(address, lesson, out.judgement, now); !ok) return base::fail(ok.error());
    if (auto ok = transaction.commit(); !ok) return base::fail(ok.error());
    return out;
}

base::Result<> SqliteLearned::put(const Lesson& lesson, LearnedState state, base::Time now)
{
    return add(mime::address_key(lesson.address), lesson, state, true, "", now);
}

base::Result<std::vector<std::pair<Learned, cms::Certificate>>> SqliteLearned::list(LearnedState state,
                                                                                    std::size_t& at,
                                                                                    std::size_t most)
{
    std::vector<std::pair<Learned, cms::Certificate>> out;
    Statement statement(
        database_,
        "SELECT address, fingerprint, issuer, approved, reason, not_before, not_after, first_seen,"
        " last_seen, der FROM certificate WHERE state = ? ORDER BY address, fingerprint"
        " LIMIT ? OFFSET ?");
    statement.bind(word(state)).bind(static_cast<std::int64_t>(most)).bind(static_cast<std::int64_t>(at));
    auto read = each_row(statement, [&] {
        ++at;
        auto certificate = cms::Certificate::from_der(statement.text(9));
        if (!certificate) return;
        Learned one;
        one.address = statement.text(0);
        one.fingerprint = statement.text(1);
        one.issuer = statement.text(2);
        one.state = state;
        one.approved = statement.number(3) != 0;
        one.reason = statement.text(4);
        one.not_before = time_of(statement.number(5));
        one.not_after = time_of(statement.number(6));
        one.first_seen = time_of(statement.number(7));
        one.last_seen = time_of(statement.number(8));
        out.emplace_back(std::move(one), std::move(*certificate));
    });
    if (!read) return base::fail(read.error());
    return out;
}

base::Result<bool> SqliteLearned::decide(std::string_view address, std::string_view fingerprint,
                                         LearnedState state)
{
    Statement statement(database_,
                        "UPDATE certificate SET state = ?, approved = ?, reason = ''"
                        " WHERE address = ? AND fingerprint = ? RETURNING 1");
    statement.bind(word(state)).bind(state == LearnedState::used ? std::int64_t{1} : std::int64_t{0});
    const auto row = statement.bind(mime::address_key(address)).bind(fingerprint).step();
    if (!row) return base::fail(row.error());
    if (*row)
        if (auto ok = statement.done(); !ok) return base::fail(ok.error());
    return *row;
}

}  // namespace store
