#include "store/postgresql_connection.h"

#include "config.h"

#ifdef HAVE_LIBPQ
#include <libpq-fe.h>
#include <poll.h>

#include <charconv>
#include <map>

#include "base/ascii.h"
#include "store/connect.h"
#endif

namespace store
{

#ifdef HAVE_LIBPQ
namespace
{

constexpr const char* ca_certificates = "/etc/ssl/certs/ca-certificates.crt";
constexpr const char* nothing = "/nonexistent";  // libpq goes on without a file that is not there
constexpr std::size_t most_hosts = 8;

struct FreeOptions {
    void operator()(PQconninfoOption* o) const { PQconninfoFree(o); }
};
struct FreeText {
    void operator()(char* text) const { PQfreemem(text); }
};
struct FreeResult {
    void operator()(PGresult* r) const { PQclear(r); }
};
using ResultPtr = std::unique_ptr<PGresult, FreeResult>;

std::vector<std::string> split_all(const std::string& text)
{
    std::vector<std::string> out(1);
    for (const char c : text)
        if (c == ',')
            out.emplace_back();
        else
            out.back() += c;
    return out;
}

bool is_port(const std::string& text)
{
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && number > 0 && number < 65536;
}

// Lines of the server become one.
std::string one_line(std::string_view text)
{
    std::string out(base::trim(text));
    for (char& c : out)
        if (c == '\n' || c == '\t') c = ' ';
    return out;
}

base::Error error_of(const PGresult* result, const std::string& where)
{
    const auto field = [&](int code) {
        const char* text = PQresultErrorField(result, code);
        return std::string(text == nullptr ? "" : text);
    };
    const std::string state = field(PG_DIAG_SQLSTATE);
    base::Error out{
        base::Code::unavailable, where, where + ": " + one_line(field(PG_DIAG_MESSAGE_PRIMARY)), {}};
    if (state == "42P01" || state == "42703" || state == "3F000" ||
        state == "42883")  // no such table, column ...
        out.remedy = "create the tables: see contrib/postgresql/schema.sql";
    else if (state == "42501")
        out.remedy = "grant the role of the source what contrib/postgresql/schema.sql says";
    return out;
}

}  // namespace

struct PostgresConnection::Handle {
    PGconn* connection = nullptr;
    std::string where;

    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    Handle(Handle&&) = delete;
    Handle& operator=(Handle&&) = delete;
    ~Handle()
    {
        if (connection != nullptr) PQfinish(connection);
    }

    // One host: any number of its addresses are tried by libpq, which is told them.
    base::Result<> connect(const PostgresServers& servers, const PostgresServers::Host& host,
                           const SourceSettings& settings, const base::Secret* password,
                           const Patience& patience)
    {
        where = host.name + (host.name.starts_with('/') ? " (" : ":") + host.port +
                (host.name.starts_with('/') ? ")" : "");
        const bool local = host.name.starts_with('/');
        const bool verify = !local && (!is_loopback(host.name) || !settings.ca.empty());
        std::map<std::string, std::string> words = {
            {"host", host.name},
            {"port", host.port},
            {"dbname", servers.database},
            {"user", servers.user},
            {"application_name", "smime-milter"},
            {"client_encoding", "UTF8"},
            {"gssencmode", "disable"},
            // Nothing of a home directory, which may be that of whoever has started us.
            {"passfile", nothing},
            {"sslcert", nothing},
            {"sslkey", nothing},
            {"sslcrl", nothing},
            {"sslmode", local    ? "disable"
                        : verify ? "verify-full"
                                 : "prefer"},
            {"ssl_min_protocol_version", "TLSv1.2"},
            {"sslrootcert", !verify               ? nothing
                            : settings.ca.empty() ? ca_certificates
                                                  : settings.ca},
            {"password", password == nullptr ? std::string() : password->reveal()},
        };
        if (!local) {
            const auto addresses = resolve(host.name, patience);
            if (!addresses) return base::fail(addresses.error());
            // The name goes with each, the server's certificate has to have it.
            auto& numbers = words["hostaddr"];
            for (std::size_t i = 0; i < addresses->size(); ++i) {
                numbers += (i == 0 ? "" : ",") + (*addresses)[i];
                if (i > 0) words["host"] += "," + host.name;
            }
        }
        std::vector<const char*> keys, values;
        for (const auto& [key, value] : words) {
            keys.push_back(key.c_str());
            values.push_back(value.c_str());
        }
        keys.push_back(nullptr);
        values.push_back(nullptr);
        connection = PQconnectStartParams(keys.data(), values.data(), 0);
        explicit_bzero(words["password"].data(), words["password"].size());
        if (connection == nullptr) return base::fail(base::Code::internal, where, "libpq does not start");
        for (auto wanted = PGRES_POLLING_WRITING; wanted != PGRES_POLLING_OK;
             wanted = PQconnectPoll(connection)) {
            if (PQstatus(connection) == CONNECTION_BAD || wanted == PGRES_POLLING_FAILED) return failed();
            if (!wait_for(PQsocket(connection), wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, patience))
                return base::fail(base::Code::unavailable, where, where + ": no connection in time");
        }
        if (PQsetnonblocking(connection, 1) != 0) return failed();
        return {};
    }

    [[nodiscard]] tl::unexpected<base::Error> failed() const
    {
        return base::fail(base::Code::unavailable, where,
                          where + ": " + one_line(PQerrorMessage(connection)));
    }
};

PostgresConnection::PostgresConnection(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
PostgresConnection::~PostgresConnection() = default;

bool PostgresConnection::usable() const
{
    const auto state = PQtransactionStatus(handle_->connection);
    return PQstatus(handle_->connection) == CONNECTION_OK &&
           (state == PQTRANS_IDLE || state == PQTRANS_INTRANS);
}

base::Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const PostgresServers& servers,
                                                                           const SourceSettings& settings,
                                                                           const Patience& patience)
{
    const auto password = read_password(settings.password);
    if (!password) return base::fail(password.error());
    std::optional<base::Error> first;
    for (std::size_t i = 0; i < servers.hosts.size(); ++i) {
        auto handle = std::make_unique<Handle>();
        const auto connected =
            handle->connect(servers, servers.hosts[i], settings, *password ? &**password : nullptr,
                            share(patience, servers.hosts.size() - i));
        if (connected) {
            std::unique_ptr<PostgresConnection> out(new PostgresConnection(std::move(handle)));
            // The server gives up when we do.
            const PostgresStatement limit{"limit",
                                          "SELECT set_config('statement_timeout', $1, false), "
                                          "set_config('idle_in_transaction_session_timeout', '10s', false)"};
            const auto time = std::to_string(settings.timeout * 1000);
            if (auto set = out->run(limit, {{time, false}}, 1, patience); !set)
                return base::fail(set.error());
            return out;
        }
        if (!first)
            first = connected.error();
        else
            first->what += "; " + connected.error().what;
        if (patience.over()) break;
    }
    return base::fail(*first);
}

base::Result<std::vector<PostgresRow>> PostgresConnection::run(const PostgresStatement& statement,
                                                               const std::vector<PostgresValue>& values,
                                                               std::size_t most, const Patience& patience)
{
    PGconn* const c = handle_->connection;
    const int count = static_cast<int>(values.size());
    if (!prepared_.contains(statement.name)) {
        if (auto s = sent(PQsendPrepare(c, statement.name, statement.sql, count, nullptr) == 1, patience); !s)
            return base::fail(s.error());
        if (auto done = rows(0, patience); !done) return done;
        prepared_.insert(statement.name);
    }
    std::vector<const char*> octets;
    std::vector<int> sizes, formats;
    for (const auto& value : values) {
        octets.push_back(value.octets ? value.octets->c_str() : nullptr);
        sizes.push_back(value.octets ? static_cast<int>(value.octets->size()) : 0);
        formats.push_back(value.binary ? 1 : 0);
    }
    if (auto s = sent(PQsendQueryPrepared(c, statement.name, count, octets.data(), sizes.data(),
                                          formats.data(), 1) == 1,
                      patience);
        !s)
        return base::fail(s.error());
    PQsetSingleRowMode(c);  // a row at a time: what is too much is never collected
    return rows(most, patience);
}

base::Result<> PostgresConnection::sent(bool accepted, const Patience& patience)
{
    PGconn* const c = handle_->connection;
    if (!accepted) return handle_->failed();
    for (;;) {
        const int left = PQflush(c);
        if (left == 0) return {};
        if (left < 0) return handle_->failed();
        if (!wait_for(PQsocket(c), POLLIN | POLLOUT, patience))
            return base::fail(base::Code::unavailable, handle_->where,
                              handle_->where + ": no answer in time");
        if (PQconsumeInput(c) == 0) return handle_->failed();
    }
}

base::Result<std::vector<PostgresRow>> PostgresConnection::rows(std::size_t most, const Patience& patience)
{
    PGconn* const c = handle_->connection;
    std::vector<PostgresRow> out;
    std::optional<base::Error> error;
    for (;;) {
        while (PQisBusy(c) != 0) {
            if (!wait_for(PQsocket(c), POLLIN, patience))
                return base::fail(base::Code::unavailable, handle_->where,
                                  handle_->where + ": no answer in time");
            if (PQconsumeInput(c) == 0) return handle_->failed();
        }
        const ResultPtr result(PQgetResult(c));
        if (result == nullptr) break;
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) continue;
        if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
            if (!error) error = error_of(result.get(), handle_->where);
            if (PQstatus(c) == CONNECTION_BAD) break;
            continue;
        }
        for (int r = 0; r < PQntuples(result.get()); ++r) {
            if (out.size() == most)
                return base::fail(base::Code::data, handle_->where,
                                  handle_->where + ": more than " + std::to_string(most) + " rows");
            PostgresRow row;
            for (int f = 0; f < PQnfields(result.get()); ++f)
                if (PQgetisnull(result.get(), r, f) != 0)
                    row.emplace_back(std::nullopt);
                else
                    row.emplace_back(std::string(PQgetvalue(result.get(), r, f),
                                                 static_cast<std::size_t>(PQgetlength(result.get(), r, f))));
            out.push_back(std::move(row));
        }
    }
    if (error) return base::fail(*error);
    return out;
}

base::Result<PostgresServers> postgres_servers(const SourceSettings& settings)
{
    const auto wrong = [&](std::string what, std::string remedy) {
        return base::fail(base::Code::configuration, settings.where, std::move(what), std::move(remedy));
    };
    constexpr const char* form =
        "write postgresql://HOST/DATABASE, or postgresql:///DATABASE?host=/DIRECTORY";
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, FreeOptions> options(
        PQconninfoParse(settings.uri.c_str(), &message));
    const std::unique_ptr<char, FreeText> owner(message);
    if (options == nullptr)
        return wrong("\"" + settings.uri + "\": " + one_line(message == nullptr ? "not understood" : message),
                     form);
    PostgresServers out;
    out.user = settings.user;
    std::string hosts, ports;
    for (const PQconninfoOption* o = options.get(); o->keyword != nullptr; ++o) {
        const std::string key = o->keyword, value = o->val == nullptr ? "" : o->val;
        if (value.empty()) continue;
        if (key == "host")
            hosts = value;
        else if (key == "port")
            ports = value;
        else if (key == "dbname")
            out.database = value;
        else if (key == "user" && settings.user.empty())
            out.user = value;
        else if (key == "password")
            return wrong("a password in a uri ends up in logs",
                         "remove it, and add password = file:PATH to the source");
        else
            return wrong("the uri sets " + key, "remove it; user and ca are keys of [source NAME]");
    }
    if (hosts.empty() || out.database.empty())
        return wrong("\"" + settings.uri + "\" names no host or no database", form);
    if (out.user.empty())
        return wrong("\"" + settings.uri + "\" names no role to log in as", "add user = ROLE to the source");
    const auto names = split_all(hosts), numbers = split_all(ports);
    if (names.size() > most_hosts || (numbers.size() > 1 && numbers.size() != names.size()))
        return wrong("\"" + settings.uri + "\" has more hosts than can be used, or ports of others", form);
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string port = numbers.size() == 1 ? numbers.front() : numbers[i];
        if (port.empty()) port = "5432";
        if (names[i].empty()) return wrong("\"" + settings.uri + "\" has a host without a name", form);
        if (!is_port(port)) return wrong("\"" + settings.uri + "\": \"" + port + "\" is no port", form);
        out.hosts.push_back({names[i], port});
    }
    return out;
}

bool postgresql_available() { return true; }

#else

struct PostgresConnection::Handle {
};
PostgresConnection::PostgresConnection(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
PostgresConnection::~PostgresConnection() = default;
bool PostgresConnection::usable() const { return false; }
bool postgresql_available() { return false; }

base::Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const PostgresServers&,
                                                                           const SourceSettings& settings,
                                                                           const Patience&)
{
    return base::fail(base::Code::unavailable, settings.where, "built without libpq");
}

base::Result<std::vector<PostgresRow>> PostgresConnection::run(const PostgresStatement&,
                                                               const std::vector<PostgresValue>&, std::size_t,
                                                               const Patience&)
{
    return base::fail(base::Code::unavailable, "", "built without libpq");
}

base::Result<PostgresServers> postgres_servers(const SourceSettings& settings)
{
    return base::fail(base::Code::unavailable, settings.where, "built without libpq");
}

#endif

}  // namespace store
