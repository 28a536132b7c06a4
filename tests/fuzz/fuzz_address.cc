// Mailboxes: what is valid can be written down and read again.
#include <cstdint>
#include <cstdlib>

#include "mime/address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const base::Octets value(reinterpret_cast<const char*>(data), size);
    const auto list = mime::parse_mailboxes(value, 10'000);
    mime::Mailbox again;
    for (const auto& mailbox : list.mailboxes) {
        const auto address = mailbox.address();
        static_cast<void>(mime::address_matches(address, value.substr(0, 100)));
        if (!list.valid) continue;
        if (!mime::parse_address(address, again) || again.local != mailbox.local) std::abort();
        if (!mime::same_address(address, again.address())) std::abort();
    }
    static_cast<void>(mime::parse_address(value, again));
    return 0;
}
