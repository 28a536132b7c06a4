#include "main/privileges.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/file.h"
#include "cms/library.h"
#include "main/notify.h"
#include "store/key_cache.h"
#include "store/key_index.h"

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

void protect_keys(const policy::Config& config, base::Log& log)
{
    constexpr std::size_t least = 64;
    std::size_t files = 0;
    for (const auto& source : config.keys) {
        const auto names = base::is_directory(source.path) ? base::list_directory(source.path)
                                                           : base::Result<std::vector<std::string>>();
        files += names ? std::max<std::size_t>(names->size(), 1) : 1;
    }
    if (files == 0) return;
    // Opening one is meant to be slow; systemd must not give up on thousands.
    const auto patience = std::chrono::seconds(60) + files * std::chrono::milliseconds(100);
    if (files > store::KeyIndex::worthwhile)
        notify_manager(
            "EXTEND_TIMEOUT_USEC=" +
            std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(patience).count()));
    // More are not held at a time; twice that leaves room for those of messages in work.
    const auto keys = 2 * std::clamp(files, least, store::KeyCache::usual);
    switch (cms::reserve_secure_heap(keys)) {
        case cms::SecureHeap::ready: break;
        case cms::SecureHeap::not_locked:
            log.write(base::Level::notice,
                      "private keys may be swapped out: the limit of locked memory is too low; raise "
                      "LimitMEMLOCK=");
            break;
        case cms::SecureHeap::none:
            log.write(base::Level::warning,
                      "private keys lie in ordinary memory: OpenSSL has no secure heap to give");
            break;
    }
}

}  // namespace daemon_main
