// The user that the daemon runs as: who it is, and how root becomes it.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace base
{

// Where `[milter] user` names nobody.
inline constexpr const char* default_user = "smime-milter";

struct Account {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

// Code::configuration with the adduser command when there is no such user, or
// when it is root by another name.
[[nodiscard]] Result<Account> find_account(const std::string& name, const std::string& where);

// Whoever this process is, and the first group of a user; numbers, and the user's
// own name, where the system knows no better.
[[nodiscard]] std::string current_user();
[[nodiscard]] std::string group_of(const std::string& user);

// From root to the account for good, with the account's supplementary groups;
// checked that there is no way back.  No other thread may exist.
[[nodiscard]] Result<> become(const Account& account);

}  // namespace base
