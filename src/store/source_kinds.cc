// The table of kinds of sources.  A new one adds an entry here, and its backend in
// a file of its own.
#include <algorithm>
#include <array>

#include "store/directory_store.h"
#include "store/dns.h"
#include "store/ldap.h"
#include "store/postgresql.h"
#include "store/postgresql_connection.h"
#include "store/smimea.h"
#include "store/source.h"
#include "store/sqlite_store.h"

namespace store
{
namespace
{

constexpr std::string_view directory_schemes[] = {"directory:"};
constexpr std::string_view sqlite_schemes[] = {"sqlite:"};
constexpr std::string_view ldap_schemes[] = {"ldap://", "ldaps://", "ldapi://"};
constexpr std::string_view ldap_keys[] = {"user", "password", "ca", "base", "filter", "starttls"};
constexpr std::string_view smimea_schemes[] = {"smimea:"};
constexpr std::string_view smimea_keys[] = {"trust_anchor", "resolver"};
constexpr std::string_view postgresql_schemes[] = {"postgresql://"};
constexpr std::string_view postgresql_keys[] = {"user", "password", "ca"};

base::Result<> has_absolute_path(const SourceSettings& settings)
{
    if (after_scheme(settings.uri).starts_with('/')) return {};
    return base::fail(base::Code::configuration, settings.where,
                      "\"" + settings.uri + "\" names no absolute path",
                      "write " + settings.uri.substr(0, settings.uri.find(':') + 1) + "/PATH");
}

std::shared_ptr<const CertificateStore> open_directory(const SourceSettings& settings,
                                                       std::vector<base::Problem>& problems)
{
    return DirectoryStore::open({std::string(after_scheme(settings.uri))}, problems);
}

std::shared_ptr<const CertificateStore> open_sqlite(const SourceSettings& settings,
                                                    std::vector<base::Problem>&)
{
    return std::make_shared<SqliteStore>(std::string(after_scheme(settings.uri)));
}

base::Result<std::unique_ptr<LearnedStore>> open_learned_sqlite(const SourceSettings& settings,
                                                                OnDamage on_damage,
                                                                std::vector<base::Problem>& problems)
{
    auto opened = SqliteLearned::open(std::string(after_scheme(settings.uri)), on_damage, problems);
    if (!opened) return base::fail(opened.error());
    return std::unique_ptr<LearnedStore>(std::move(*opened));
}

const std::array kinds = {
    SourceKind{.name = "directory",
               .schemes = directory_schemes,
               .example = "directory:/etc/smime-milter/certificates",
               .waits = false,
               .check = has_absolute_path,
               .open_store = open_directory},
    SourceKind{.name = "sqlite",
               .schemes = sqlite_schemes,
               .example = "sqlite:/var/lib/smime-milter/certificates.db",
               .waits = false,
               .learns = true,
               .lacking = sqlite_lacking(),
               .check = has_absolute_path,
               .open_store = open_sqlite,
               .provenance = Provenance::Kind::learned,
               .open_learned = open_learned_sqlite},
    SourceKind{.name = "ldap",
               .schemes = ldap_schemes,
               .example = "ldaps://ldap.example.org/ou=people,dc=example,dc=org",
               .lacking = ldap_available() ? "" : "libldap",
               .keys = ldap_keys,
               .check = check_ldap,
               .open = open_ldap,
               .provenance = Provenance::Kind::ldap},
    SourceKind{.name = "smimea",
               .schemes = smimea_schemes,
               .example = "smimea:",
               .threads = 4,
               .lacking = dns_available() ? "" : "libunbound",
               .keys = smimea_keys,
               .vouches = true,
               .asks_domains = true,
               .check = check_smimea,
               .open = open_smimea,
               .provenance = Provenance::Kind::dns},
    SourceKind{.name = "postgresql",
               .schemes = postgresql_schemes,
               .example = "postgresql://db.example.org/smime",
               .learns = true,
               .lacking = postgresql_available() ? "" : "libpq",
               .keys = postgresql_keys,
               .keep = 0,  // what one gateway learns is there for the next message of another
               .keep_none = 0,
               .check = check_postgresql,
               .open = open_postgresql,
               .provenance = Provenance::Kind::database,
               .open_learned = open_postgresql_learned},
};

}  // namespace

std::span<const SourceKind> source_kinds() { return kinds; }

const SourceKind* source_kind(std::string_view uri)
{
    const auto speaks = [&](const SourceKind& kind) {
        return std::any_of(kind.schemes.begin(), kind.schemes.end(),
                           [&](std::string_view scheme) { return uri.starts_with(scheme); });
    };
    const auto found = std::find_if(kinds.begin(), kinds.end(), speaks);
    return found == kinds.end() ? nullptr : &*found;
}

}  // namespace store
