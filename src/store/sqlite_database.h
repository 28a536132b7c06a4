// One SQLite database of certificates: opening, schema, errors.  The only place
// that knows SQLite's interface.
//
// Write-ahead logging: readers and the writer do not wait for each other, and a
// daemon that is killed loses at most the last thing it learned.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/octets.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace store
{

// "" where this build has SQLite, else what it lacks.
[[nodiscard]] std::string_view sqlite_lacking();

// For one thread at a time.
class SqliteDatabase
{
public:
    enum class Mode {
        read,   // what is there
        write,  // made when it is not there, brought up to date, checked
    };
    // Code::no_input: it is not there (read).  Code::data: it is damaged, or none of
    // ours.  Code::configuration: a newer version of the program has made it.
    [[nodiscard]] static base::Result<SqliteDatabase> open(const std::string& path, Mode mode);

    SqliteDatabase(SqliteDatabase&& other) noexcept;
    SqliteDatabase& operator=(SqliteDatabase&& other) noexcept;
    SqliteDatabase(const SqliteDatabase&) = delete;
    SqliteDatabase& operator=(const SqliteDatabase&) = delete;
    ~SqliteDatabase();

    [[nodiscard]] base::Result<> run(const char* sql) const;                 // without an answer
    [[nodiscard]] base::Result<> write_copy(const std::string& path) const;  // while others write
    [[nodiscard]] base::Result<> check() const;                              // reads all of it
    // Is the file at its path still the one that was opened?
    [[nodiscard]] bool in_place() const;
    [[nodiscard]] const std::string& path() const { return path_; }

    // One SQL statement with its parameters.  bind() in their order, then step() until
    // false.  Texts of columns are valid until the next step.
    class Statement
    {
    public:
        Statement(const SqliteDatabase& database, std::string_view sql);
        Statement(const Statement&) = delete;
        Statement& operator=(const Statement&) = delete;
        ~Statement();

        Statement& bind(std::string_view text);
        Statement& bind(std::int64_t number);
        Statement& bind_octets(base::Octets octets);
        Statement& bind_nothing();
        [[nodiscard]] base::Result<bool> step();
        [[nodiscard]] base::Result<> done();  // step() of what answers nothing

        [[nodiscard]] std::string text(int column) const;  // octets, too
        [[nodiscard]] std::int64_t number(int column) const;
        [[nodiscard]] bool nothing(int column) const;

    private:
        const SqliteDatabase& database_;
        sqlite3_stmt* statement_ = nullptr;
        int next_ = 1;
        int status_ = 0;
    };

private:
    SqliteDatabase(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
    [[nodiscard]] base::Result<> set_up(Mode mode);
    [[nodiscard]] base::Result<> migrate(std::int64_t from);
    [[nodiscard]] tl::unexpected<base::Error> error(int status) const;

    sqlite3* handle_ = nullptr;
    std::string path_;
    std::uint64_t device_ = 0, inode_ = 0;
};

// Begins when it is made, and is undone unless committed.
class SqliteTransaction
{
public:
    explicit SqliteTransaction(const SqliteDatabase& database);
    SqliteTransaction(const SqliteTransaction&) = delete;
    SqliteTransaction& operator=(const SqliteTransaction&) = delete;
    ~SqliteTransaction();
    [[nodiscard]] const base::Result<>& begun() const { return begun_; }
    [[nodiscard]] base::Result<> commit();

private:
    const SqliteDatabase& database_;
    base::Result<> begun_;
    bool open_ = false;
};

// A damaged database out of the way, for somebody to look at: gives its new name.
[[nodiscard]] base::Result<std::string> set_aside(const std::string& path);
// Has a connection of this process found that it is damaged, since it was set aside?
[[nodiscard]] bool known_as_damaged(const std::string& path);

}  // namespace store
