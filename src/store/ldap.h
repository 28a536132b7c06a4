// Certificates in LDAP directories (RFC 4511): userCertificate (RFC 4523) and
// userSMIMECertificate (RFC 2798).  libldap only in ldap_connection.cc.
//
//   ldaps://HOST[:PORT]/BASE  TLS from the start
//   ldap://HOST[:PORT]/BASE   StartTLS (RFC 4513), unless the host is this machine
//   ldapi://PATH/BASE         a local socket, its slashes written as %2F
//
// Several such words name servers of equal content: the first one that answers is
// asked, and asked again for as long as it does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/source.h"

namespace store
{

struct LdapServer {
    enum class Tls { none, start, always };
    std::string uri;   // without the base, for messages
    std::string host;  // or the path of a local socket
    unsigned port = 0;
    bool local = false;
    std::string base;  // distinguished name
    Tls tls = Tls::none;
};

// The servers of the settings; a mistake in their words is a configuration error.
[[nodiscard]] base::Result<std::vector<LdapServer>> ldap_servers(const SourceSettings& settings);

// What an entry said, as it came.
struct LdapValue {
    std::string dn;    // its beginning, for messages
    bool bag = false;  // PKCS#7 instead of a certificate
    std::string octets;
};

struct LdapValues {
    std::vector<LdapValue> values;
    std::vector<std::string> remarks;  // what was cut off
};

// For SourceKind.
[[nodiscard]] bool ldap_available();
[[nodiscard]] base::Result<> check_ldap(const SourceSettings& settings);
[[nodiscard]] base::Result<std::unique_ptr<CertificateSource>> open_ldap(const SourceSettings& settings);

}  // namespace store
