// Key and certificate files in any format: opened or refused, never a crash.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cms/container.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view octets(reinterpret_cast<const char*>(data), size);
    static const base::Secret password("x");
    static_cast<void>(cms::recognise(octets));
    for (const base::Secret* p : {static_cast<const base::Secret*>(nullptr), &password}) {
        const auto opened = cms::open_container(octets, "fuzz", p);
        if (!opened && opened.error().what.empty()) std::abort();
        if (!opened) continue;
        for (const auto& key : opened->keys)
            for (const auto& c : opened->certificates) static_cast<void>(key->matches(c));
    }
    return 0;
}
