// What the daemon gives up when it starts; its user is in base/account.h.
#pragma once

namespace daemon_main
{

// No core dumps and no ptrace: there are private keys in this memory.  And no
// privileges by way of a set-user-id program: nothing here ever runs one.
void protect_memory();

}  // namespace daemon_main
