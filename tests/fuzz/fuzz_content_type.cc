// Structured values: content types, dates and encoded-words.
#include <cstdint>
#include <cstdlib>

#include "mime/content_type.h"
#include "mime/date.h"
#include "mime/encoded_word.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const base::Octets value(reinterpret_cast<const char*>(data), size);
    const auto type = mime::parse_content_type(value);
    if (type.parameters.size() > 64) std::abort();
    static_cast<void>(mime::parse_disposition(value));
    if (const auto time = mime::parse_date(value))
        if (mime::parse_date(mime::format_date(*time)) != time) std::abort();
    static_cast<void>(mime::encode_words(mime::decode_encoded_words(value)));
    return 0;
}
