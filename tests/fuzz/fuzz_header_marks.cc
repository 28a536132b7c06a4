// A header from a stranger: forged results are found and the Subject is tagged,
// once and in front.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "gateway/marks.h"
#include "mime/header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto header = mime::parse_header({reinterpret_cast<const char*>(data), size});
    for (const bool trusted : {false, true})
        for (const auto& edit : gateway::remove_forged(header.fields, "mx.example.org", trusted))
            if (edit.index < 1) std::abort();
    const std::string tag = "[signature invalid]";
    const auto edits = gateway::tag_subject(header.fields, tag);
    if (edits.empty() || !edits.front().value.starts_with(tag)) std::abort();
    for (const auto& edit : edits)
        if (edit.value.find('\r') != std::string::npos) std::abort();
    return 0;
}
