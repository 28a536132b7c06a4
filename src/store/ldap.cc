#include "store/ldap.h"

#include "base/ascii.h"
#include "cms/container.h"
#include "config.h"
#include "mime/address.h"
#include "store/connect.h"
#include "store/ldap_connection.h"
#include "store/ldap_filter.h"

namespace store
{

#ifdef HAVE_LIBLDAP
namespace
{

constexpr std::size_t most_servers = 8;
constexpr std::size_t most_in_bag = 32;

std::vector<std::string> words_of(std::string_view text)
{
    std::string blanks(text);
    for (char& c : blanks)
        if (base::is_blank(c)) c = ' ';
    return base::split_list(blanks, ' ');
}

// %XX resolved; nullopt when it is none.
std::optional<std::string> decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto octet = i + 2 < text.size() ? base::unhex(text.substr(i + 1, 2)) : std::nullopt;
        if (!octet || (*octet)[0] == '\0') return std::nullopt;
        out += *octet;
        i += 2;
    }
    return out;
}

struct Scheme {
    std::string_view prefix;
    unsigned port;
};
constexpr Scheme schemes[] = {{"ldaps://", 636}, {"ldap://", 389}, {"ldapi://", 0}};

// HOST, HOST:PORT or [ADDRESS]:PORT; false when it is none of these.
bool take_host(std::string_view text, LdapServer& out)
{
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return false;
        out.host = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        if (!text.empty() && !text.starts_with(':')) return false;
        port = text.empty() ? text : text.substr(1);
    } else {
        const auto colon = text.find(':');
        out.host = text.substr(0, colon);
        if (colon != std::string_view::npos) port = text.substr(colon + 1);
        if (colon != std::string_view::npos && port.empty()) return false;
    }
    if (port.empty()) return !out.host.empty();
    const auto number = base::parse_decimal(port);
    if (!number || *number == 0 || *number > 65535) return false;
    out.port = static_cast<unsigned>(*number);
    return !out.host.empty();
}

base::Result<LdapServer> server_of(const std::string& word, const SourceSettings& settings)
{
    const auto wrong = [&](std::string what, std::string remedy) {
        return base::fail(base::Code::configuration, settings.where, "\"" + word + "\" " + std::move(what),
                          std::move(remedy));
    };
    LdapServer out;
    for (const auto& [prefix, port] : schemes) {
        if (!base::istarts_with(word, prefix)) continue;
        const std::string_view rest = std::string_view(word).substr(prefix.size());
        const auto slash = rest.find('/');
        const auto authority = rest.substr(0, slash);
        const auto path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
        if (path.find('?') != std::string_view::npos)
            return wrong("says more than server and base", "use filter = for what is asked for");
        const auto dn = decoded(path);
        if (!dn)
            return wrong("has a % that is followed by no hexadecimal number",
                         "write %25 for a per cent sign");
        out.base = dn->empty() ? settings.base : *dn;
        out.port = port;
        out.local = port == 0;
        out.uri = std::string(prefix) + std::string(authority);
        if (out.local) {
            const auto name = decoded(authority);
            if (!name || !name->starts_with('/'))
                return wrong("names no local socket", "write ldapi://%2FPATH%2FOF%2FSOCKET/BASE");
            out.host = *name;
        } else if (!take_host(authority, out)) {
            return wrong("names no host", "write " + std::string(prefix) + "HOST[:PORT]/BASE");
        }
        const bool here = out.local || is_loopback(out.host);
        if (port == 636)
            out.tls = LdapServer::Tls::always;
        else if (settings.starttls.value_or(!here))
            out.tls = LdapServer::Tls::start;
        else if (!here)
            return wrong("would be asked without TLS, and is not this machine", "remove starttls = no");
        return out;
    }
    return wrong("is not the name of an LDAP server", "write ldaps://HOST/BASE");
}

class LdapSource final : public CertificateSource
{
public:
    LdapSource(SourceSettings settings, std::vector<LdapServer> servers)
        : settings_(std::move(settings)), servers_(std::move(servers))
    {
    }

    base::Result<SourceAnswer> find(std::string_view address, const Patience& patience) override
    {
        const auto found =
            search(expand_filter(settings_.filter.empty() ? default_ldap_filter : settings_.filter, address),
                   patience);
        if (!found) return base::fail(found.error());
        SourceAnswer out;
        out.remarks = found->remarks;
        for (const auto& value : found->values) take(value, address, out);
        return out;
    }

private:
    // Of the server that answered last; where that one fails, of the next ones.  One that
    // accepts connections and says nothing must not use up the time of the others.
    base::Result<LdapValues> search(const std::string& filter, const Patience& patience)
    {
        std::optional<base::Error> first;
        const std::size_t attempts = servers_.size() + (connection_ != nullptr ? 1 : 0);
        for (std::size_t i = 0; i < attempts && (i == 0 || !patience.over()); ++i) {
            auto found = search_once(filter, share(patience, attempts - i));
            if (found) return found;
            const bool stale =
                std::exchange(connection_, nullptr) != nullptr && attempts > servers_.size() && i == 0;
            if (!stale) server_ = (server_ + 1) % servers_.size();
            if (!first)
                first = std::move(found.error());
            else if (first->what != found.error().what)
                first->what += "; " + found.error().what;
        }
        return base::fail(*first);
    }

    base::Result<LdapValues> search_once(const std::string& filter, const Patience& patience)
    {
        if (connection_ == nullptr) {
            auto connection = LdapConnection::open(servers_[server_], settings_, patience);
            if (!connection) return base::fail(connection.error());
            connection_ = std::move(*connection);
        }
        auto found = connection_->search(filter, patience);
        if (found && connection_->spent()) connection_.reset();
        return found;
    }

    static void take(const LdapValue& value, std::string_view address, SourceAnswer& out)
    {
        if (!value.bag) {
            out.certificates.push_back({value.octets, {}, false, false, value.dn});
            return;
        }
        // DER as it came: no PEM, no keys, nothing with a password.
        if (cms::recognise(value.octets) != cms::Format::pkcs7) {
            out.remarks.push_back("userSMIMECertificate is no PKCS#7 at " + value.dn);
            return;
        }
        const auto opened = cms::open_container(value.octets, value.dn);
        if (!opened) {
            out.remarks.push_back("userSMIMECertificate at " + value.dn + ": " + opened.error().what);
            return;
        }
        std::vector<std::string> issuers;
        std::size_t seen = 0;
        for (const auto& certificate : opened->certificates) {
            if (++seen > most_in_bag) break;
            if (certificate.is_ca()) issuers.push_back(certificate.der());
        }
        seen = 0;
        const std::size_t before = out.certificates.size();
        for (const auto& certificate : opened->certificates) {
            if (++seen > most_in_bag) break;
            // Others are in it for the path of this one.
            if (!certificate.is_ca() && certificate.names(address))
                out.certificates.push_back({certificate.der(), issuers, false, false, value.dn});
        }
        if (out.certificates.size() == before)
            out.remarks.push_back("userSMIMECertificate has no certificate for the address at " + value.dn);
    }

    SourceSettings settings_;
    std::vector<LdapServer> servers_;
    std::size_t server_ = 0;  // of the connection, or to be asked first
    std::unique_ptr<LdapConnection> connection_;
};

}  // namespace

bool ldap_available() { return true; }

base::Result<std::vector<LdapServer>> ldap_servers(const SourceSettings& settings)
{
    std::vector<LdapServer> out;
    for (const auto& word : words_of(settings.uri)) {
        auto server = server_of(word, settings);
        if (!server) return base::fail(server.error());
        if (server->base.empty() && !out.empty()) server->base = out.front().base;
        out.push_back(std::move(*server));
    }
    if (out.empty() || out.size() > most_servers)
        return base::fail(base::Code::configuration, settings.where,
                          std::to_string(out.size()) + " LDAP servers in one source",
                          "wanted 1 to " + std::to_string(most_servers));
    return out;
}

base::Result<> check_ldap(const SourceSettings& settings)
{
    const auto wrong = [&](std::string what, std::string remedy) {
        return base::fail(base::Code::configuration, settings.where, std::move(what), std::move(remedy));
    };
    const auto servers = ldap_servers(settings);
    if (!servers) return base::fail(servers.error());
    if (!settings.user.empty() && settings.password.text.empty())
        return wrong("user without password: directories take that for nobody in particular",
                     "add password = file:PATH, or remove user");
    if (settings.user.empty() && !settings.password.text.empty())
        return wrong("password without user", "add user = DN of who logs in");
    if (!settings.filter.empty()) {
        if (const auto why = unfit_filter(settings.filter); !why.empty())
            return wrong("filter = " + settings.filter + ": " + why,
                         "for example " + std::string(default_ldap_filter));
        if (!is_ldap_filter(expand_filter(settings.filter, "someone@example.org")))
            return wrong("filter = " + settings.filter + " is no LDAP filter (RFC 4515)",
                         "for example " + std::string(default_ldap_filter));
    }
    return {};
}

base::Result<std::unique_ptr<CertificateSource>> open_ldap(const SourceSettings& settings)
{
    auto servers = ldap_servers(settings);
    if (!servers) return base::fail(servers.error());
    return std::make_unique<LdapSource>(settings, std::move(*servers));
}

#else

bool ldap_available() { return false; }
base::Result<> check_ldap(const SourceSettings&) { return {}; }
base::Result<std::unique_ptr<CertificateSource>> open_ldap(const SourceSettings& settings)
{
    return base::fail(base::Code::unavailable, settings.where, "built without libldap");
}

#endif

}  // namespace store
