// What the daemon gives up when it starts, and how it keeps its keys from others; its
// user is in base/account.h.
#pragma once

#include "base/log.h"
#include "policy/config.h"

namespace daemon_main
{

// No core dumps and no ptrace: there are private keys in this memory.  And no
// privileges by way of a set-user-id program: nothing here ever runs one.
void protect_memory();

// Reserves OpenSSL's secure heap, sized by the keys that there are, for a reload may
// bring more; tells the log when there is none, and a service manager to wait for
// thousands of keys.
void protect_keys(const policy::Config& config, base::Log& log);

}  // namespace daemon_main
