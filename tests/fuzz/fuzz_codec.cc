// Transfer encodings: decoding undoes encoding, and survives anything.
#include <cstdint>
#include <cstdlib>

#include "mime/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const base::Octets octets(reinterpret_cast<const char*>(data), size);
    if (mime::base64_decode(mime::base64_lines(octets)) != octets) std::abort();
    if (mime::quoted_printable_decode(mime::quoted_printable_lines(octets)) != octets) std::abort();
    static_cast<void>(mime::quoted_printable_decode(octets));
    if (const auto decoded = mime::base64_decode(octets))
        if (mime::base64_decode(mime::base64_lines(*decoded)) != decoded) std::abort();
    return 0;
}
