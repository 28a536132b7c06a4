#include "policy/config_parse.h"

#include <config.h>  // of configure: "config.h" would be the one beside this file

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "policy/rule_parse.h"
#include "policy/section.h"
#include "policy/source_parse.h"
#include "store/http.h"
#include "store/smtp.h"

namespace policy
{
namespace
{

constexpr const char* default_learned = "sqlite:/var/lib/smime-milter/certificates.db";
constexpr std::uint64_t kilo = 1U << 10, giga = 1U << 30;

#ifdef HAVE_PROMETHEUS
constexpr bool has_prometheus = true;
#else
constexpr bool has_prometheus = false;
#endif

bool needs_prometheus(const Value& value)
{
    if (has_prometheus || value.empty()) return true;
    value.refuse("this build has no metrics: it was made without prometheus-cpp",
                 "remove the key, or build it with prometheus-cpp");
    return false;
}

constexpr Setter<ParsedConfig> milter_setters[] = {
    {"socket", [](ParsedConfig& p, const Value& v) { v.socket(p.config.socket); }},
    {"control_socket", [](ParsedConfig& p, const Value& v) { v.path(p.config.control_socket); }},
    {"authserv_id", [](ParsedConfig& p, const Value& v) { v.word(p.config.authserv_id); }},
    {"local_domains", [](ParsedConfig& p, const Value& v) { v.domains(p.config.local_domains); }},
    {"internal_hosts",
     [](ParsedConfig& p, const Value& v) { v.networks(p.config.internal_hosts, Value::Rights::given); }},
    {"trusted_relays",
     [](ParsedConfig& p, const Value& v) { v.networks(p.config.trusted_relays, Value::Rights::given); }},
    {"ar_remove",
     [](ParsedConfig& p, const Value& v) {
         v.one_of(p.config.ar_remove, {ResultsRemoval::smime, ResultsRemoval::own, ResultsRemoval::all});
     }},
    {"sender_login",
     [](ParsedConfig& p, const Value& v) {
         auto& map = p.config.sender_login;
         map.mode = v.text() == "mta" ? LoginMap::Mode::mta
                    : v.empty()       ? LoginMap::Mode::equal
                                      : LoginMap::Mode::map;
         p.sender_login_where = v.where();
         if (map.mode == LoginMap::Mode::map) v.path(p.sender_login);
     }},
    {"tls_login", [](ParsedConfig& p, const Value& v) { v.tls_logins(p.config.tls_logins); }},
    {"login_domain", [](ParsedConfig& p, const Value& v) { v.domain(p.config.sender_login.domain); }},
    {"max_message_size",
     [](ParsedConfig& p, const Value& v) { v.size(p.config.max_message_size, kilo, giga); }},
    {"max_in_flight",
     [](ParsedConfig& p, const Value& v) {
         if (v.text() != "0") v.size(p.config.max_in_flight, kilo * kilo, kilo * giga);
     }},
    {"crypto_slots", [](ParsedConfig& p, const Value& v) { v.number(p.config.crypto_slots, 1024); }},
    {"decrypt_failures",
     [](ParsedConfig& p, const Value& v) { v.number(p.config.decrypt_failures, 1'000'000); }},
    {"drain_seconds", [](ParsedConfig& p, const Value& v) { v.number(p.config.drain_seconds, 3600); }},
    {"user", [](ParsedConfig& p, const Value& v) { v.word(p.config.user); }},
    {"log_level",
     [](ParsedConfig& p, const Value& v) {
         v.one_of(p.config.log_level, {base::Level::debug, base::Level::info, base::Level::notice,
                                       base::Level::warning, base::Level::error});
     }},
    {"log_format",
     [](ParsedConfig& p, const Value& v) {
         v.one_of(p.config.log_format, {base::LogFormat::text, base::LogFormat::json});
     }},
    {"metrics_file",
     [](ParsedConfig& p, const Value& v) {
         if (needs_prometheus(v)) v.path(p.config.metrics_file);
     }},
    {"metrics_interval",
     [](ParsedConfig& p, const Value& v) { v.number(p.config.metrics_interval, 3600, 1); }},
    {"metrics_listen",
     [](ParsedConfig& p, const Value& v) {
         if (needs_prometheus(v)) v.loopback(p.config.metrics_listen);
     }},
    {"report_none", [](ParsedConfig& p, const Value& v) { v.yes_no(p.config.report_none); }},
};

constexpr Setter<store::KeySource> keys_setters[] = {
    {"path", [](store::KeySource& k, const Value& v) { v.path(k.path); }},
    {"password", [](store::KeySource& k, const Value& v) { v.password(k.password); }},
    {"activation_delay",
     [](store::KeySource& k, const Value& v) { v.number(k.activation_delay, 24U * 366); }},
};

constexpr Setter<store::KeySource> key_setters[] = {
    {"file", [](store::KeySource& k, const Value& v) { v.path(k.path); }},
    {"password", [](store::KeySource& k, const Value& v) { v.password(k.password); }},
    {"uri", [](store::KeySource& k, const Value& v) { v.token(k.uri); }},
    {"module", [](store::KeySource& k, const Value& v) { v.path(k.module); }},
    {"certificate", [](store::KeySource& k, const Value& v) { v.path(k.certificate); }},
    {"decrypts_for",
     [](store::KeySource& k, const Value& v) { v.patterns(k.decrypts_for, Value::Pattern::address); }},
};

constexpr Setter<Split> split_setters[] = {
    {"key", [](Split& s, const Value& v) { v.path(s.key); }},
    {"entrance", [](Split& s, const Value& v) { v.patterns(s.entrance, Value::Pattern::name); }},
    {"reentry", [](Split& s, const Value& v) { v.word(s.reentry); }},
    {"hand_over",
     [](Split& s, const Value& v) {
         std::string socket;
         v.loopback(socket);
         if (socket.starts_with("unix:") || socket.starts_with("local:"))
             return v.refuse(quoted(socket) + " is no listener for SMTP", "wanted inet:PORT@127.0.0.1");
         if (!socket.empty() && !store::smtp_available())
             return v.refuse("this build cannot hand mail over: it has no libcurl",
                             "remove it, or build with libcurl");
         const auto colon = socket.find(':'), at = socket.find('@');
         if (at == std::string::npos) return;
         std::string host = socket.substr(at + 1);
         if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
         s.hand_over = host + ":" + socket.substr(colon + 1, at - colon - 1);
     }},
};

struct CertificatesDraft {
    Certificates certificates;
    SourceLines sources;
    std::optional<store::Harvest> harvest;
};

constexpr Setter<CertificatesDraft> certificates_setters[] = {
    {"path", [](CertificatesDraft& c, const Value& v) { v.path(c.certificates.path); }},
    {"pinned", [](CertificatesDraft& c, const Value& v) { v.path(c.certificates.pinned); }},
    {"source", [](CertificatesDraft& c, const Value& v) { c.sources.emplace_back(v.text(), v.where()); }},
    {"harvest",
     [](CertificatesDraft& c, const Value& v) {
         using enum store::Harvest;
         v.one_of(c.harvest, {off, pending, automatic});
     }},
};

struct TrustDraft {
    store::TrustSource source;
    enum class Crl { off, local, fetch } crl = Crl::off;
    bool ocsp = false;
    bool hard = false;
    Judging judging;
    Revocation revocation;
    [[nodiscard]] bool lists() const { return crl != Crl::off; }
};

constexpr Setter<TrustDraft> trust_setters[] = {
    {"anchors", [](TrustDraft& t, const Value& v) { v.anchors(t.source.anchors); }},
    {"intermediates", [](TrustDraft& t, const Value& v) { v.paths(t.source.intermediates); }},
    {"crls", [](TrustDraft& t, const Value& v) { v.paths(t.source.crls); }},
    {"crl",
     [](TrustDraft& t, const Value& v) {
         using Crl = TrustDraft::Crl;
         v.one_of(t.crl, {Crl::off, Crl::local, Crl::fetch});
     }},
    {"ocsp", [](TrustDraft& t, const Value& v) { v.one_of(t.ocsp, {false, true}); }},
    {"revocation_fail", [](TrustDraft& t, const Value& v) { v.one_of(t.hard, {false, true}); }},
    {"signer_for", [](TrustDraft& t, const Value& v) { v.signer_for(t.judging.signer_for); }},
    {"accept_sender", [](TrustDraft& t, const Value& v) { v.yes_no(t.judging.accept_sender); }},
    {"display_name_check",
     [](TrustDraft& t, const Value& v) { v.one_of(t.judging.strict_display_name, {false, true}); }},
    {"policies", [](TrustDraft& t, const Value& v) { v.policies(t.judging.policies); }},
    {"expired_grace", [](TrustDraft& t, const Value& v) { v.number(t.judging.expired_grace, 720); }},
    {"accept_octet_stream", [](TrustDraft& t, const Value& v) { v.yes_no(t.judging.accept_octet_stream); }},
    {"revocation_timeout", [](TrustDraft& t, const Value& v) { v.number(t.revocation.timeout, 30, 1); }},
    {"revocation_max_size",
     [](TrustDraft& t, const Value& v) { v.size(t.revocation.max_size, 64U << 10, 64U << 20); }},
    {"revocation_networks",
     [](TrustDraft& t, const Value& v) { v.networks(t.revocation.networks, Value::Rights::given); }},
};

class Parser
{
public:
    explicit Parser(std::vector<base::Problem>& problems) : problems_(problems)
    {
        apply_defaults<ParsedConfig>("milter", milter_setters, out_, problems_);
        apply_defaults<TrustDraft>("trust", trust_setters, trust_, problems_);
    }

    void section(const Section& s)
    {
        auto& settings = out_.config.settings;
        if (!has_the_right_name(s)) return;
        if (s.kind == "milter") {
            apply<ParsedConfig>(s, milter_setters, out_, milter_seen_, settings, problems_);
        } else if (s.kind == "keys") {
            if (directory_.origin.empty()) directory_.origin = s.at(s.line);
            apply<store::KeySource>(s, keys_setters, directory_, keys_seen_, settings, problems_);
        } else if (s.kind == "certificates") {
            apply<CertificatesDraft>(s, certificates_setters, certificates_, certificates_seen_, settings,
                                     problems_);
        } else if (s.kind == "split") {
            if (split_where_.empty()) split_where_ = s.at(s.line);
            apply<Split>(s, split_setters, out_.config.split, split_seen_, settings, problems_);
        } else if (s.kind == "trust") {
            if (trust_.source.origin.empty()) trust_.source.origin = s.at(s.line);
            apply<TrustDraft>(s, trust_setters, trust_, trust_seen_, settings, problems_);
        } else if (s.kind == "key" && is_new(s, keys_by_name_)) {
            key(s);
        } else if (s.kind == "source" && is_new(s, sources_by_name_)) {
            named_sources_.push_back(parse_source(s, settings, problems_));
        } else if (s.kind == "rule" && is_new(s, rules_by_name_)) {
            drafts_.push_back(parse_rule(s, settings, problems_));
        }
    }

    ParsedConfig finish()
    {
        directory();
        certificates();
        split();
        trust();
        memory();
        metrics();
        for (auto& draft : drafts_) {
            check_rule(draft, out_.config, problems_);
            out_.config.rules.push_back(std::move(draft.rule));
        }
        out_.config.rule_index = RuleIndex(out_.config.rules);
        return std::move(out_);
    }

private:
    using Names = std::map<std::string, std::string, std::less<>>;  // name -> where

    void error(std::string where, std::string what, std::string remedy)
    {
        report(problems_, base::Severity::error, std::move(where), std::move(what), std::move(remedy));
    }

    bool has_the_right_name(const Section& s)
    {
        const auto where = s.at(s.line);
        const bool named = has_names(s.kind);
        constexpr std::string_view kinds[] = {"milter", "keys",  "key",   "certificates",
                                              "source", "split", "trust", "rule"};
        if (std::find(std::begin(kinds), std::end(kinds), s.kind) == std::end(kinds)) {
            const auto near = nearest(s.kind, kinds);
            error(where,
                  "unknown section " + title(s) +
                      (near.empty() ? "" : " (did you mean \"" + std::string(near) + "\"?)"),
                  "wanted [milter], [keys], [key NAME], [certificates], [source NAME], [split], [trust] or "
                  "[rule NAME]");
            return false;
        }
        if (named == s.name.empty()) {
            error(where, title(s) + (named ? " has no name" : " takes no name"),
                  "wanted [" + s.kind + (named ? " NAME]" : "]"));
            return false;
        }
        return true;
    }

    bool is_new(const Section& s, Names& names)
    {
        const auto [at, fresh] = names.try_emplace(s.name, s.at(s.line));
        if (!fresh)
            error(s.at(s.line), title(s) + " is there twice, first at " + at->second, "rename one of them");
        return fresh;
    }

    void key(const Section& s)
    {
        store::KeySource source;
        Seen seen;
        source.name = s.name;
        source.origin = s.at(s.line);
        apply<store::KeySource>(s, key_setters, source, seen, out_.config.settings, problems_);
        if (s.name == "by_sender")
            error(source.origin, "[key by_sender]: certificate = by_sender means something else",
                  "rename it");
        if (!source.uri.empty())
            token(s, source);
        else if (source.path.empty())
            error(source.origin, title(s) + " has no file", "add file = /PATH of its PFX or PEM file");
        else
            for (const char* key : {"module", "certificate"})
                if (const auto found = seen.find(key); found != seen.end() && !found->second.value.empty())
                    error(found->second.where, std::string(key) + " is for keys in tokens",
                          "remove it, or say uri instead of file");
        out_.config.keys.push_back(std::move(source));
    }

    void token(const Section& s, const store::KeySource& source)
    {
        if (!source.path.empty())
            error(source.origin, title(s) + " has both file and uri", "remove one of them");
        if (source.certificate.empty())
            error(source.origin, title(s) + " has a uri and no certificate",
                  "add certificate = /PATH of its certificate, with those of its issuers");
    }

    void directory()
    {
        if (!directory_.path.empty()) {
            // First, as it is the ordinary case; named ones are skipped in it.
            out_.config.keys.insert(out_.config.keys.begin(), std::move(directory_));
        } else if (const auto found = keys_seen_.find("password"); found != keys_seen_.end()) {
            if (!found->second.value.empty() && keys_seen_.find("path") == keys_seen_.end())
                error(found->second.where, "password without path",
                      "add path = /PATH of the keys' directory");
        }
    }

    // Who wants to learn need not say where to; who has a place for it need not say that.
    void certificates()
    {
        auto& out = out_.config.certificates;
        const auto found = certificates_seen_.find("harvest");
        const bool wants = certificates_.harvest && *certificates_.harvest != store::Harvest::off;
        out = std::move(certificates_.certificates);
        out.sources = choose_sources(certificates_.sources, named_sources_, problems_);
        if (wants && out.learns_into() == nullptr) {
            const SourceLines own = {{default_learned, found->second.where}};
            for (auto& source : choose_sources(own, {}, problems_)) out.sources.push_back(std::move(source));
        }
        out.harvest = certificates_.harvest.value_or(out.learns_into() == nullptr ? store::Harvest::off
                                                                                  : store::Harvest::pending);
    }

    void split()
    {
        const auto& s = out_.config.split;
        if (split_where_.empty()) return;
        if (s.key.empty() || s.entrance.empty() || s.reentry.empty())
            error(split_where_, "[split] needs key, entrance and reentry", "set all three, or remove it");
        else if (std::any_of(s.entrance.begin(), s.entrance.end(), [&](const std::string& pattern) {
                     return base::wildcard_match(pattern, s.reentry);
                 }))
            error(split_where_,
                  "reentry = " + s.reentry + " is an entrance too: mail would be split for ever",
                  "give the listener where the copies come back a name of its own");
    }

    // One that is alone passes, but every other has to wait until it has gone.
    void memory()
    {
        const auto& c = out_.config;
        const auto limit = milter_seen_.find("max_in_flight");
        if (limit != milter_seen_.end() && c.max_in_flight != 0 && c.max_in_flight < c.max_message_size)
            report(problems_, base::Severity::warning, limit->second.where,
                   "max_in_flight is less than max_message_size: while one large message is in work, all "
                   "others are asked to come back",
                   "make it several times max_message_size, or leave it out");
    }

    void metrics()
    {
        const auto interval = milter_seen_.find("metrics_interval");
        if (interval != milter_seen_.end() && out_.config.metrics_file.empty())
            report(problems_, base::Severity::warning, interval->second.where,
                   "metrics_interval does nothing without metrics_file", "add metrics_file, or remove it");
    }

    void trust()
    {
        auto& config = out_.config;
        const auto hard = trust_seen_.find("revocation_fail");
        const bool asks = trust_.ocsp || trust_.crl == TrustDraft::Crl::fetch;
        if (!trust_.lists() && !trust_.ocsp && trust_.hard)
            error(hard->second.where, "revocation_fail = hard does nothing with crl = off and ocsp = off",
                  "add crl = local, crl = fetch or ocsp = on");
        if (asks && !store::http_available()) {
            const auto by = trust_seen_.find(trust_.ocsp ? "ocsp" : "crl");
            error(by->second.where, "this build cannot ask for revocation data: it has no libcurl",
                  "use crl = local and ocsp = off, or build it with libcurl");
        }
        const auto crls = trust_seen_.find("crls");
        if (!trust_.lists() && !trust_.source.crls.empty())
            report(problems_, base::Severity::warning, crls->second.where, "crls are not used with crl = off",
                   "add crl = local");
        const auto mode = trust_.hard ? cms::CrlMode::hard : cms::CrlMode::soft;
        config.crl = trust_.lists() ? mode : cms::CrlMode::off;
        config.revocation = std::move(trust_.revocation);
        config.revocation.fetch_crls = trust_.crl == TrustDraft::Crl::fetch;
        config.revocation.ocsp = trust_.ocsp ? mode : cms::CrlMode::off;
        config.judging = std::move(trust_.judging);
        config.trust = std::move(trust_.source);
    }

    std::vector<base::Problem>& problems_;
    ParsedConfig out_;
    Seen milter_seen_, keys_seen_, certificates_seen_, split_seen_, trust_seen_;
    std::string split_where_;
    store::KeySource directory_;
    TrustDraft trust_;
    CertificatesDraft certificates_;
    std::vector<NamedSource> named_sources_;
    Names keys_by_name_, rules_by_name_, sources_by_name_;
    std::vector<RuleDraft> drafts_;
};

}  // namespace

ParsedConfig parse_config(const std::vector<SourceFile>& files, std::vector<base::Problem>& problems)
{
    Parser parser(problems);
    for (const auto& source : files)
        for (const auto& section : parse_ini(source.file, source.content, problems)) parser.section(section);
    auto parsed = parser.finish();
    if (!files.empty()) parsed.config.file = files.front().file;
    return parsed;
}

}  // namespace policy
