#include "store/sqlite_database.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "base/clock.h"
#include "config.h"

#ifdef HAVE_SQLITE
#include <sqlite3.h>
#endif

namespace store
{
namespace
{

using base::Code;

std::mutex damage_mutex;
std::set<std::string>& damaged()
{
    static std::set<std::string> paths;
    return paths;
}

}  // namespace

base::Result<std::string> set_aside(const std::string& path)
{
    std::string name = path + ".damaged-" + base::iso8601(base::SystemClock().now());
    // The log of what was not written back yet belongs to it.
    for (const char* suffix : {"-wal", "-shm", ""}) {
        if (std::rename((path + suffix).c_str(), (name + suffix).c_str()) == 0) continue;
        if (errno == ENOENT && *suffix != '\0') continue;
        return base::fail(Code::io, path, std::string("cannot be renamed: ") + std::strerror(errno));
    }
    const std::lock_guard lock(damage_mutex);
    damaged().erase(path);
    return name;
}

bool known_as_damaged(const std::string& path)
{
    const std::lock_guard lock(damage_mutex);
    return damaged().contains(path);
}

#ifdef HAVE_SQLITE

namespace
{

constexpr int ours = 0x536d4d63;  // PRAGMA application_id
constexpr int patience = 2000;    // milliseconds for another writer

void note_damage(const std::string& path)
{
    const std::lock_guard lock(damage_mutex);
    damaged().insert(path);
}

// What each version of the schema adds.  Never changed, only added to.
constexpr const char* migrations[] = {
    // 1: certificates by address, and those of their issuers
    "CREATE TABLE certificate ("
    " address TEXT NOT NULL, fingerprint TEXT NOT NULL, der BLOB NOT NULL,"
    " issuer BLOB NOT NULL, serial TEXT NOT NULL, key_id BLOB NOT NULL,"
    " not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('used', 'pending', 'rejected')),"
    " approved INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',"
    " issuers TEXT NOT NULL DEFAULT '', first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,"
    " UNIQUE (address, fingerprint));"
    "CREATE INDEX certificate_by_fingerprint ON certificate (fingerprint);"
    "CREATE INDEX certificate_by_key_id ON certificate (key_id);"
    "CREATE INDEX certificate_by_issuer ON certificate (issuer, serial);"
    "CREATE INDEX certificate_by_state ON certificate (state, address);"
    "CREATE INDEX certificate_by_end ON certificate (not_after);"
    "CREATE TABLE issuer (fingerprint TEXT PRIMARY KEY, der BLOB NOT NULL);",
    // 2: what authors say about themselves
    "CREATE TABLE author ("
    " address TEXT PRIMARY KEY, signing_time INTEGER NOT NULL, capabilities TEXT, preferred TEXT);",
};
constexpr std::int64_t newest = std::size(migrations);

}  // namespace

std::string_view sqlite_lacking() { return {}; }

SqliteDatabase::SqliteDatabase(SqliteDatabase&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      path_(std::move(other.path_)),
      device_(other.device_),
      inode_(other.inode_)
{
}

SqliteDatabase& SqliteDatabase::operator=(SqliteDatabase&& other) noexcept
{
    std::swap(handle_, other.handle_);
    std::swap(path_, other.path_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
    return *this;
}

SqliteDatabase::~SqliteDatabase() { sqlite3_close(handle_); }

tl::unexpected<base::Error> SqliteDatabase::error(int status) const
{
    const std::string what = handle_ == nullptr ? sqlite3_errstr(status) : sqlite3_errmsg(handle_);
    switch (status & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            note_damage(path_);
            return base::fail(
                Code::data, path_, "the database is damaged: " + what,
                "the daemon sets it aside and begins a new one; put a backup in its place, or see what "
                "sqlite3 FILE .recover can save");
        case SQLITE_FULL: return base::fail(Code::io, path_, "no room: " + what, "make room on its disk");
        case SQLITE_BUSY: return base::fail(Code::temporary, path_, "another process is writing: " + what);
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_AUTH:
        case SQLITE_CANTOPEN:
            return base::fail(Code::permission, path_, "the database cannot be opened or written: " + what,
                              "its directory must belong to the daemon's user: install -d -o smime-milter "
                              "-g smime-milter -m 750 DIRECTORY");
        default: return base::fail(Code::io, path_, what);
    }
}

base::Result<SqliteDatabase> SqliteDatabase::open(const std::string& path, Mode mode)
{
    struct stat status{};
    const bool there = ::stat(path.c_str(), &status) == 0;
    if (!there && mode == Mode::read && errno == ENOENT)
        return base::fail(Code::no_input, path, "there is no such database");
    sqlite3* handle = nullptr;
    // Serialised by who uses it, so without SQLite's own mutexes.
    const int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (mode == Mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    const int opened = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    SqliteDatabase database(handle, path);
    if (opened != SQLITE_OK) return database.error(opened);
    sqlite3_busy_timeout(handle, patience);
    if (auto ready = database.set_up(mode); !ready) return base::fail(ready.error());
    if (::stat(path.c_str(), &status) == 0) {
        database.device_ = status.st_dev;
        database.inode_ = status.st_ino;
    }
    return database;
}

base::Result<> SqliteDatabase::set_up(Mode mode)
{
    // A file from elsewhere must not make SQLite do more than hold tables.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    for (const char* sql : {"PRAGMA cell_size_check = ON", "PRAGMA mmap_size = 0"})
        if (auto ok = run(sql); !ok) return ok;
    std::int64_t id = 0, version = 0;
    for (const auto& [sql, into] :
         {std::pair("PRAGMA application_id", &id), {"PRAGMA user_version", &version}}) {
        Statement statement(*this, sql);
        const auto row = statement.step();
        if (!row) return base::fail(row.error());
        *into = statement.number(0);
    }
    if (id != ours && (id != 0 || version != 0 || mode == Mode::read)) {
        // Being made at this moment, or none of ours.
        if (id == 0 && version == 0) return base::fail(Code::no_input, path_, "the database is empty");
        return base::fail(Code::configuration, path_, "is a database of another program",
                          "name another file in source = sqlite:/PATH");
    }
    if (version > newest)
        return base::fail(Code::configuration, path_,
                          "a newer version of smime-milter has made this database (schema " +
                              std::to_string(version) + ", known up to " + std::to_string(newest) + ")",
                          "install that version, or move the file away");
    if (mode == Mode::read) {
        if (version == newest) return {};
        return base::fail(Code::temporary, path_, "the database is of an older version",
                          "start the daemon once: it brings it up to date");
    }
    if (id == 0) {
        // Somebody else's tables would be there already.
        Statement statement(*this, "SELECT count(*) FROM sqlite_schema");
        const auto row = statement.step();
        if (!row) return base::fail(row.error());
        if (statement.number(0) != 0)
            return base::fail(Code::configuration, path_, "is a database of another program",
                              "name another file in source = sqlite:/PATH");
    }
    for (const char* sql :
         {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA journal_size_limit = 16777216"})
        if (auto ok = run(sql); !ok) return ok;
    return migrate(version);
}

base::Result<> SqliteDatabase::migrate(std::int64_t from)
{
    if (from == newest) return {};
    SqliteTransaction transaction(*this);
    if (!transaction.begun()) return transaction.begun();
    // Another daemon may have done it meanwhile.
    {
        Statement statement(*this, "PRAGMA user_version");
        const auto row = statement.step();
        if (!row) return base::fail(row.error());
        from = statement.number(0);
    }
    for (auto version = from; version < newest; ++version)
        if (auto ok = run(migrations[version]); !ok) return ok;
    if (auto ok = run(("PRAGMA user_version = " + std::to_string(newest)).c_str()); !ok) return ok;
    if (auto ok = run(("PRAGMA application_id = " + std::to_string(ours)).c_str()); !ok) return ok;
    return transaction.commit();
}

base::Result<> SqliteDatabase::run(const char* sql) const
{
    const int status = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (status != SQLITE_OK) return error(status);
    return {};
}

base::Result<> SqliteDatabase::write_copy(const std::string& path) const
{
    Statement statement(*this, "VACUUM INTO ?");
    return statement.bind(path).done();
}

base::Result<> SqliteDatabase::check() const
{
    Statement statement(*this, "PRAGMA quick_check(1)");
    const auto row = statement.step();
    if (!row) return base::fail(row.error());
    if (statement.text(0) == "ok") return {};
    note_damage(path_);
    return base::fail(Code::data, path_, "the database is damaged: " + statement.text(0));
}

bool SqliteDatabase::in_place() const
{
    struct stat status{};
    return ::stat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
}

SqliteDatabase::Statement::Statement(const SqliteDatabase& database, std::string_view sql)
    : database_(database)
{
    status_ =
        sqlite3_prepare_v2(database.handle_, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
}

SqliteDatabase::Statement::~Statement() { sqlite3_finalize(statement_); }

SqliteDatabase::Statement& SqliteDatabase::Statement::bind(std::string_view text)
{
    if (status_ == SQLITE_OK)
        status_ = sqlite3_bind_text(statement_, next_++, text.data(), static_cast<int>(text.size()),
                                    SQLITE_TRANSIENT);  // NOLINT: SQLite's macro
    return *this;
}

SqliteDatabase::Statement& SqliteDatabase::Statement::bind(std::int64_t number)
{
    if (status_ == SQLITE_OK) status_ = sqlite3_bind_int64(statement_, next_++, number);
    return *this;
}

SqliteDatabase::Statement& SqliteDatabase::Statement::bind_octets(base::Octets octets)
{
    if (status_ == SQLITE_OK)
        status_ = octets.empty()
                      ? sqlite3_bind_zeroblob(statement_, next_++, 0)
                      : sqlite3_bind_blob(statement_, next_++, octets.data(), static_cast<int>(octets.size()),
                                          SQLITE_TRANSIENT);  // NOLINT: SQLite's macro
    return *this;
}

SqliteDatabase::Statement& SqliteDatabase::Statement::bind_nothing()
{
    if (status_ == SQLITE_OK) status_ = sqlite3_bind_null(statement_, next_++);
    return *this;
}

base::Result<bool> SqliteDatabase::Statement::step()
{
    if (status_ != SQLITE_OK) return database_.error(status_);
    const int status = sqlite3_step(statement_);
    if (status == SQLITE_ROW) return true;
    if (status == SQLITE_DONE) return false;
    return database_.error(status);
}

base::Result<> SqliteDatabase::Statement::done()
{
    const auto row = step();
    if (!row) return base::fail(row.error());
    return {};
}

std::string SqliteDatabase::Statement::text(int column) const
{
    const auto* octets = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    if (octets == nullptr) return {};
    return {octets, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t SqliteDatabase::Statement::number(int column) const
{
    return sqlite3_column_int64(statement_, column);
}

bool SqliteDatabase::Statement::nothing(int column) const
{
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

#else

namespace
{
tl::unexpected<base::Error> without()
{
    return base::fail(Code::configuration, "", "this build has no SQLite");
}
}  // namespace

std::string_view sqlite_lacking() { return "SQLite"; }
SqliteDatabase::SqliteDatabase(SqliteDatabase&&) noexcept = default;
SqliteDatabase& SqliteDatabase::operator=(SqliteDatabase&&) noexcept = default;
SqliteDatabase::~SqliteDatabase() = default;
base::Result<SqliteDatabase> SqliteDatabase::open(const std::string&, Mode) { return without(); }
base::Result<> SqliteDatabase::run(const char*) const { return without(); }
base::Result<> SqliteDatabase::write_copy(const std::string&) const { return without(); }
base::Result<> SqliteDatabase::check() const { return without(); }
bool SqliteDatabase::in_place() const { return false; }
SqliteDatabase::Statement::Statement(const SqliteDatabase& database, std::string_view) : database_(database)
{
}
SqliteDatabase::Statement::~Statement() = default;
SqliteDatabase::Statement& SqliteDatabase::Statement::bind(std::string_view) { return *this; }
SqliteDatabase::Statement& SqliteDatabase::Statement::bind(std::int64_t) { return *this; }
SqliteDatabase::Statement& SqliteDatabase::Statement::bind_octets(base::Octets) { return *this; }
SqliteDatabase::Statement& SqliteDatabase::Statement::bind_nothing() { return *this; }
base::Result<bool> SqliteDatabase::Statement::step() { return without(); }
base::Result<> SqliteDatabase::Statement::done() { return without(); }
std::string SqliteDatabase::Statement::text(int) const { return {}; }
std::int64_t SqliteDatabase::Statement::number(int) const { return 0; }
bool SqliteDatabase::Statement::nothing(int) const { return true; }

#endif

SqliteTransaction::SqliteTransaction(const SqliteDatabase& database)
    : database_(database), begun_(database.run("BEGIN IMMEDIATE"))
{
    open_ = begun_.has_value();
}

SqliteTransaction::~SqliteTransaction()
{
    if (open_) (void)database_.run("ROLLBACK");
}

base::Result<> SqliteTransaction::commit()
{
    auto done = database_.run("COMMIT");
    if (done) open_ = false;
    return done;
}

}  // namespace store
