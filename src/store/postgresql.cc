#include "store/postgresql.h"

#include "base/ascii.h"
#include "cms/certificate_summary.h"
#include "mime/address.h"
#include "store/postgresql_connection.h"

namespace store
{
namespace
{

using Rows = std::vector<PostgresRow>;

constexpr std::string_view version = "1";
constexpr std::size_t most_certificates = 64;
constexpr std::size_t most_of_an_address = 1000;  // that are read for a judgement

constexpr PostgresStatement get_version{"version", "SELECT version::text FROM smime_milter.version"},
    find{"find",
         // Whoever may write to the tables cannot make us read more than is of use.
         "SELECT c.certificate, left(c.issuers, 262144), (c.fingerprint = a.preferred)::text, "
         "left(a.capabilities, 1024) FROM smime_milter.certificate c JOIN smime_milter.address a USING "
         "(address) "
         "WHERE c.address = $1 AND c.state = 'used' AND octet_length(c.certificate) <= 16384 "
         "ORDER BY c.not_before DESC, c.fingerprint LIMIT 64"},
    begin{"begin", "BEGIN"}, commit{"commit", "COMMIT"},
    // Who learns about an address waits for the others who do.
    lock{"lock", "SELECT pg_advisory_xact_lock(1397574477, hashtext($1))::text"},
    read_address{"read_address", "SELECT signing_time::text FROM smime_milter.address WHERE address = $1"},
    read_certificates{
        "read_certificates",
        "SELECT fingerprint, issuer, state, approved::text, reason, not_before::text, not_after::text, "
        "first_seen::text, last_seen::text FROM smime_milter.certificate WHERE address = $1"},
    count_all{"count_all", "SELECT count(*)::text FROM smime_milter.certificate"},
    purge{"purge",
          "DELETE FROM smime_milter.certificate WHERE not_after < $1::bigint AND state <> 'rejected'"},
    purge_addresses{"purge_addresses",
                    "DELETE FROM smime_milter.address a WHERE address <> $1 AND NOT EXISTS "
                    "(SELECT FROM smime_milter.certificate c WHERE c.address = a.address)"},
    forget{"forget", "DELETE FROM smime_milter.certificate WHERE address = $1 AND fingerprint = $2"},
    add_address{"add_address",
                "INSERT INTO smime_milter.address (address) VALUES ($1) ON CONFLICT DO NOTHING"},
    add{"add",
        "INSERT INTO smime_milter.certificate (address, fingerprint, certificate, issuer, issuers, state, "
        "reason, "
        "not_before, not_after, first_seen, last_seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::bigint, "
        "$9::bigint, "
        "$10::bigint, $10::bigint) ON CONFLICT (address, fingerprint) DO UPDATE SET last_seen = "
        "excluded.last_seen"},
    seen_again{"seen_again",
               "UPDATE smime_milter.certificate SET last_seen = greatest(last_seen, $3::bigint) "
               "WHERE address = $1 AND fingerprint = $2"},
    take_time{"take_time", "UPDATE smime_milter.address SET signing_time = $2::bigint WHERE address = $1"},
    take_capabilities{"take_capabilities",
                      "UPDATE smime_milter.address SET capabilities = $2 WHERE address = $1"},
    take_preference{"take_preference", "UPDATE smime_milter.address SET preferred = $2 WHERE address = $1"},
    list_state{
        "list_state",
        "SELECT fingerprint, issuer, state, approved::text, reason, not_before::text, not_after::text, "
        "first_seen::text, last_seen::text, address, certificate FROM smime_milter.certificate "
        "WHERE state = $1 ORDER BY address, fingerprint OFFSET $2::bigint LIMIT $3::bigint"},
    decide_state{"decide_state",
                 "UPDATE smime_milter.certificate SET state = $3, approved = ($3 = 'used'), "
                 "reason = CASE WHEN $3 = 'pending' THEN reason ELSE '' END "
                 "WHERE address = $1 AND fingerprint = $2 RETURNING fingerprint"};

std::string number(base::Time t) { return std::to_string(t.time_since_epoch().count()); }

base::Time time_of(const std::optional<std::string>& text)
{
    const std::string_view digits = text ? std::string_view(*text) : "0";
    const auto n = base::parse_decimal(digits);
    return base::Time(std::chrono::seconds(n ? static_cast<std::int64_t>(*n) : 0));
}

PostgresValue text(std::string value) { return {std::move(value), false}; }
PostgresValue octets(std::string value) { return {std::move(value), true}; }

std::string ciphers(const std::vector<cms::Cipher>& list)
{
    std::string out;
    for (const auto cipher : list) out += (out.empty() ? "" : " ") + std::string(cms::name(cipher));
    return out;
}

// Connects when it is asked, and after what the server did not like about the role or
// the tables, too: somebody may have mended it.
class Database
{
public:
    Database(SourceSettings settings, PostgresServers servers)
        : settings_(std::move(settings)), servers_(std::move(servers))
    {
    }

    base::Result<Rows> run(const PostgresStatement& statement, const std::vector<PostgresValue>& values,
                           std::size_t most, const Patience& patience)
    {
        if (auto connected = connect(patience); !connected) return base::fail(connected.error());
        auto rows = connection_->run(statement, values, most, patience);
        if (!rows) connection_.reset();
        return rows;
    }

    base::Result<> connect(const Patience& patience)
    {
        if (connection_ != nullptr && connection_->usable()) return {};
        connection_.reset();
        auto connection = PostgresConnection::open(servers_, settings_, patience);
        if (!connection) return base::fail(connection.error());
        const auto found = (*connection)->run(get_version, {}, 1, patience);
        if (!found) return base::fail(found.error());
        const std::string there = found->empty() ? "none" : found->front()[0].value_or("none");
        if (there != version)
            return base::fail(
                base::Code::configuration, settings_.where,
                "the tables are of version " + there + ", this program is for " + std::string(version),
                "run contrib/postgresql/schema.sql of the newer one, then use that program");
        connection_ = std::move(*connection);
        return {};
    }

    // What stays open in it is rolled back by the server.
    void drop() { connection_.reset(); }
    [[nodiscard]] bool connected() const { return connection_ != nullptr; }
    [[nodiscard]] std::chrono::seconds timeout() const { return std::chrono::seconds(settings_.timeout); }

private:
    SourceSettings settings_;
    PostgresServers servers_;
    std::unique_ptr<PostgresConnection> connection_;
};

class PostgresSource final : public CertificateSource
{
public:
    explicit PostgresSource(Database database) : database_(std::move(database)) {}

    base::Result<SourceAnswer> find(std::string_view address, const Patience& patience) override
    {
        SourceAnswer out;
        const auto rows =
            database_.run(store::find, {text(mime::address_key(address))}, most_certificates, patience);
        if (!rows) return base::fail(rows.error());
        for (const auto& row : *rows) {
            SourcedCertificate one;
            one.der = row[0].value_or("");
            for (const auto& issuer : base::split_list(row[1].value_or(""), ' '))
                if (auto der = base::unhex(issuer)) one.issuers.push_back(std::move(*der));
            one.preferred = row[2] == "true";
            out.certificates.push_back(std::move(one));
            if (!row[3]) continue;
            out.capabilities.emplace();
            for (const auto& name : base::split_list(*row[3], ' '))
                if (const auto cipher = cms::cipher_named(name)) out.capabilities->push_back(*cipher);
        }
        return out;
    }

private:
    Database database_;
};

class PostgresLearned final : public LearnedStore
{
public:
    PostgresLearned(Database database, std::shared_ptr<const std::atomic<bool>> cancelled)
        : database_(std::move(database)), cancelled_(std::move(cancelled))
    {
        if (cancelled_ == nullptr) cancelled_ = std::make_shared<const std::atomic<bool>>(false);
    }

    base::Result<> connect() { return database_.connect(patience()); }

    base::Result<Learning> learn(const Lesson& lesson, Harvest mode, base::Time now) override
    {
        // A connection that has been idle may be gone without a word; what is done twice
        // is there once.
        const bool idle = database_.connected();
        patience_ = patience();
        auto done = in_transaction(lesson, mode, now);
        if (!done) database_.drop();
        if (done || !idle || patience_.over()) return done;
        done = in_transaction(lesson, mode, now);
        if (!done) database_.drop();
        return done;
    }

    base::Result<std::vector<std::pair<Learned, cms::Certificate>>> list(LearnedState state, std::size_t& at,
                                                                         std::size_t most) override
    {
        patience_ = patience();
        const auto rows = database_.run(
            list_state, {text(word(state)), text(std::to_string(at)), text(std::to_string(most))}, most,
            patience_);
        if (!rows) return base::fail(rows.error());
        at += rows->size();
        std::vector<std::pair<Learned, cms::Certificate>> out;
        for (const auto& row : *rows)
            if (auto certificate = cms::Certificate::from_der(row[10].value_or("")))
                out.emplace_back(learned(row, row[9].value_or("")), std::move(*certificate));
        return out;
    }

    base::Result<bool> decide(std::string_view address, std::string_view fingerprint,
                              LearnedState state) override
    {
        patience_ = patience();
        const auto rows = database_.run(
            decide_state,
            {text(mime::address_key(address)), text(std::string(fingerprint)), text(word(state))}, 1,
            patience_);
        if (!rows) return base::fail(rows.error());
        return !rows->empty();
    }

private:
    [[nodiscard]] Patience patience() const
    {
        return {std::chrono::steady_clock::now() + database_.timeout(), cancelled_};
    }

    static Learned learned(const PostgresRow& row, std::string address)
    {
        Learned out;
        out.address = std::move(address);
        out.fingerprint = row[0].value_or("");
        out.issuer = row[1].value_or("");
        out.state = learned_state(row[2].value_or("")).value_or(LearnedState::pending);
        out.approved = row[3] == "true";
        out.reason = row[4].value_or("");
        out.not_before = time_of(row[5]);
        out.not_after = time_of(row[6]);
        out.first_seen = time_of(row[7]);
        out.last_seen = time_of(row[8]);
        return out;
    }

    base::Result<Rows> run(const PostgresStatement& statement, const std::vector<PostgresValue>& values = {},
                           std::size_t most = 0)
    {
        return database_.run(statement, values, most, patience_);
    }

    base::Result<Learning> in_transaction(const Lesson& lesson, Harvest mode, base::Time now)
    {
        const std::string address = mime::address_key(lesson.address);
        if (auto r = run(begin); !r) return base::fail(r.error());
        if (auto r = run(lock, {text(address)}, 1); !r) return base::fail(r.error());
        const auto memory = remember(address);
        if (!memory) return base::fail(memory.error());
        Learning out{judge(lesson, *memory, mode, now), lesson.certificate.fingerprint()};
        if (out.judgement.purge) {
            if (auto r = run(purge, {text(number(now))}); !r) return base::fail(r.error());
            if (auto r = run(purge_addresses, {text(address)}); !r) return base::fail(r.error());
            const auto left = count();
            if (!left) return base::fail(left.error());
            if (*left >= limits::learned_in_all) {
                // What has ended is gone for good, whatever becomes of this one.
                out.judgement = Judgement();
                out.judgement.reason =
                    std::to_string(*left) + " certificates have been learned, there is no room";
            }
        }
        if (auto r = carry_out(out, lesson, address, now); !r) return base::fail(r.error());
        if (auto r = run(commit); !r) return base::fail(r.error());
        return out;
    }

    base::Result<Memory> remember(const std::string& address)
    {
        Memory out;
        const auto known = run(read_address, {text(address)}, 1);
        if (!known) return base::fail(known.error());
        if (!known->empty() && known->front()[0]) out.signing_time = time_of(known->front()[0]);
        const auto rows = run(read_certificates, {text(address)}, most_of_an_address);
        if (!rows) return base::fail(rows.error());
        for (const auto& row : *rows) out.certificates.push_back(learned(row, address));
        const auto all = count();
        if (!all) return base::fail(all.error());
        out.in_all = *all;
        return out;
    }

    base::Result<std::size_t> count()
    {
        const auto all = run(count_all, {}, 1);
        if (!all) return base::fail(all.error());
        return static_cast<std::size_t>(base::parse_decimal(all->front()[0].value_or("")).value_or(0));
    }

    base::Result<> carry_out(const Learning& learning, const Lesson& lesson, const std::string& address,
                             base::Time now)
    {
        const Judgement& judgement = learning.judgement;
        using What = Judgement::What;
        std::vector<std::pair<const PostgresStatement*, std::vector<PostgresValue>>> steps;
        const auto& fingerprint = learning.fingerprint;
        for (const auto& gone : judgement.forget) steps.push_back({&forget, {text(address), text(gone)}});
        if (judgement.what == What::add) {
            const auto summary = cms::summarise(lesson.certificate.der());
            if (!summary) return base::fail(summary.error());
            std::string issuers;
            for (std::size_t i = 0; i < lesson.issuers.size() && i < limits::learned_issuers; ++i)
                if (lesson.issuers[i].der().size() <= limits::learned_octets)
                    issuers += (issuers.empty() ? "" : " ") + base::hex(lesson.issuers[i].der());
            steps.push_back({&add_address, {text(address)}});
            steps.push_back({&add,
                             {text(address), text(fingerprint), octets(lesson.certificate.der()),
                              octets(summary->issuer), text(issuers), text(word(judgement.state)),
                              text(judgement.reason), text(number(lesson.certificate.not_before())),
                              text(number(lesson.certificate.not_after())), text(number(now))}});
        }
        if (judgement.what == What::seen_again)
            steps.push_back({&seen_again, {text(address), text(fingerprint), text(number(now))}});
        if (judgement.take_time && lesson.signing_time)
            steps.push_back({&take_time, {text(address), text(number(*lesson.signing_time))}});
        if (judgement.take_capabilities)
            steps.push_back({&take_capabilities,
                             {text(address),
                              lesson.capabilities ? text(ciphers(*lesson.capabilities)) : PostgresValue{}}});
        if (judgement.take_preference)
            steps.push_back(
                {&take_preference, {text(address), lesson.preferred ? text(fingerprint) : PostgresValue{}}});
        for (const auto& [statement, values] : steps)
            if (auto r = run(*statement, values); !r) return base::fail(r.error());
        return {};
    }

    Database database_;
    std::shared_ptr<const std::atomic<bool>> cancelled_;
    Patience patience_;
};

}  // namespace

base::Result<> check_postgresql(const SourceSettings& settings)
{
    const auto servers = postgres_servers(settings);
    if (!servers) return base::fail(servers.error());
    return {};
}

base::Result<std::unique_ptr<CertificateSource>> open_postgresql(const SourceSettings& settings)
{
    auto servers = postgres_servers(settings);
    if (!servers) return base::fail(servers.error());
    return std::make_unique<PostgresSource>(Database(settings, std::move(*servers)));
}

base::Result<std::unique_ptr<LearnedStore>> open_postgresql_learned(const SourceSettings& settings, OnDamage,
                                                                    std::vector<base::Problem>&)
{
    auto servers = postgres_servers(settings);
    if (!servers) return base::fail(servers.error());
    auto learned =
        std::make_unique<PostgresLearned>(Database(settings, std::move(*servers)), settings.cancelled);
    if (auto connected = learned->connect(); !connected) return base::fail(connected.error());
    return learned;
}

}  // namespace store
