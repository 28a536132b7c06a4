// Private to store/: one bound connection to an LDAP server.  The only place with
// libldap.
//
// A handle of libldap is for one thread, and one that has failed would connect anew by
// itself, to what ldap.conf(5) says and without TLS: after any error the connection
// is of no use any more and has to go.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/ldap.h"

namespace store
{

class LdapConnection
{
public:
    // Connected, with TLS where `server` says so, and bound as the settings say.
    [[nodiscard]] static base::Result<std::unique_ptr<LdapConnection>> open(const LdapServer& server,
                                                                            const SourceSettings& settings,
                                                                            const Patience& patience);
    LdapConnection(const LdapConnection&) = delete;
    LdapConnection& operator=(const LdapConnection&) = delete;
    LdapConnection(LdapConnection&&) = delete;
    LdapConnection& operator=(LdapConnection&&) = delete;
    ~LdapConnection();

    // The certificates of all entries below the base that match, read in pages; what is
    // beyond the limits is left with the server, and the connection is then spent.
    [[nodiscard]] base::Result<LdapValues> search(const std::string& filter, const Patience& patience);
    [[nodiscard]] bool spent() const { return spent_; }

private:
    struct Handle;
    LdapConnection(LdapServer server, std::unique_ptr<Handle> handle);

    LdapServer server_;
    std::unique_ptr<Handle> handle_;
    bool spent_ = false;
};

// Whether libldap can read the filter.
[[nodiscard]] bool is_ldap_filter(const std::string& filter);

}  // namespace store
