// Private to store/: one connection to a PostgreSQL server.  The only place with libpq.
//
// Nothing here blocks beyond the patience of a question.  Statements are prepared, and
// values travel beside them: no text of a stranger is ever part of one.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/source.h"

namespace store
{

// What postgresql://[USER@]HOST[:PORT][,HOST...]/DATABASE says; a local socket is
// postgresql:///DATABASE?host=/DIRECTORY.
struct PostgresServers {
    struct Host {
        std::string name;  // or a directory, with "/" in front
        std::string port;
    };
    std::vector<Host> hosts;
    std::string database, user;
};

struct PostgresStatement {
    const char* name;
    const char* sql;
};

// A value of a parameter: text, octets or NULL.
struct PostgresValue {
    std::optional<std::string> octets;
    bool binary = false;
};

// NULL is nullopt; bytea as octets, everything else as the statement casts it: to text.
using PostgresRow = std::vector<std::optional<std::string>>;

class PostgresConnection
{
public:
    // To the first server that answers.  Outside this machine with TLS, and with a
    // certificate for the host's name.
    [[nodiscard]] static base::Result<std::unique_ptr<PostgresConnection>> open(
        const PostgresServers& servers, const SourceSettings& settings, const Patience& patience);
    PostgresConnection(const PostgresConnection&) = delete;
    PostgresConnection& operator=(const PostgresConnection&) = delete;
    PostgresConnection(PostgresConnection&&) = delete;
    PostgresConnection& operator=(PostgresConnection&&) = delete;
    ~PostgresConnection();

    // Rows of the answer, an error when there are more than `most`.  A connection that
    // has failed, other than by what the server thinks of the statement, is not usable().
    [[nodiscard]] base::Result<std::vector<PostgresRow>> run(const PostgresStatement& statement,
                                                             const std::vector<PostgresValue>& values,
                                                             std::size_t most, const Patience& patience);
    [[nodiscard]] bool usable() const;

private:
    struct Handle;
    explicit PostgresConnection(std::unique_ptr<Handle> handle);
    [[nodiscard]] base::Result<std::vector<PostgresRow>> rows(std::size_t most, const Patience& patience);
    [[nodiscard]] base::Result<> sent(bool accepted, const Patience& patience);

    std::unique_ptr<Handle> handle_;
    std::set<std::string> prepared_;
};

[[nodiscard]] base::Result<PostgresServers> postgres_servers(const SourceSettings& settings);
[[nodiscard]] bool postgresql_available();

}  // namespace store
