// The daemon is never root when mail passes.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace daemon_main
{

struct Account {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

// Code::configuration with the adduser command when there is no such user, or
// when it is root by another name.
[[nodiscard]] base::Result<Account> find_account(const std::string& name, const std::string& where);

// From root to the account for good, with the account's supplementary groups;
// checked that there is no way back.
[[nodiscard]] base::Result<> become(const Account& account);

// No core dumps and no ptrace: there are private keys in this memory.
void protect_memory();

}  // namespace daemon_main
