#include "main/privileges.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace daemon_main
{

void protect_memory()
{
    // Sandboxes may forbid either; they then take care of it (LimitCORE=0).
    const rlimit none{0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

}  // namespace daemon_main
