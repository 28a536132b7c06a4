// TNEF with its checksums mended, and compressed text: converted or not, what comes out
// is a message in ASCII.
#include <cstdint>
#include <cstdlib>

#include "../unit/tnef_support.h"
#include "gateway/onto.h"
#include "gateway/tnef.h"
#include "mime/codec.h"
#include "mime/tnef_rtf.h"
#include "mime/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string octets(reinterpret_cast<const char*>(data), size);
    mime::CodePages pages;
    static_cast<void>(mime::read_rtf(octets, pages));
    static_cast<void>(mime::decompress_rtf(tnef_test::with_checksum(octets), 1U << 20));
    const auto message = gateway::message_from_octets(
        "From: alice@example.org\r\nTo: bob@example.net\r\nContent-Type: application/ms-tnef\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n" +
            mime::base64_lines(tnef_test::with_checksums(octets)),
        {});
    base::SeededRandom random(1);
    const auto made = gateway::convert_tnef(*message, {}, random);
    if (!made) return 0;
    const auto inner = gateway::rewritten(*message, **made, {});
    if (!inner || !mime::is_ascii((*inner)->octets())) std::abort();
    return 0;
}
