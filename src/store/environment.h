// What client libraries take from the environment, and so from whoever starts us:
// libpq and libldap have variables for servers, logins, files of keys and of CAs, and
// libldap reads files of the home and even of the working directory.  A source is what
// the configuration says, for root at a terminal no less than for the daemon's user.
#pragma once

namespace store
{

// Removes all PG* and LDAP* variables, and tells libldap to read no file of its own.
// For main(), while there is one thread.
void ignore_environment_of_libraries();

}  // namespace store
