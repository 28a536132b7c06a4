#include <algorithm>
#include <array>
#include <cstdint>

#include "mime/tnef_rtf.h"
#include "mime/tnef_stream.h"

namespace mime
{
namespace
{

constexpr std::uint32_t compressed_magic = 0x75465a4c;    // "LZFu"
constexpr std::uint32_t uncompressed_magic = 0x414c454d;  // "MELA"

// What the dictionary holds before anything was read (MS-OXRTFCP section 2.1.3.1).
constexpr base::Octets first_words =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    "\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    "\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
static_assert(first_words.size() == 207);

// CRC-32 with the polynomial of IEEE 802.3, but begun with 0 and not inverted (section 2.1.3.2).
std::uint32_t checksum(base::Octets octets)
{
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < t.size(); ++i) {
            std::uint32_t c = i;
            for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? c >> 1U ^ 0xedb88320U : c >> 1U;
            t[i] = c;
        }
        return t;
    }();
    std::uint32_t crc = 0;
    for (const char c : octets) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xffU] ^ crc >> 8U;
    return crc;
}

// Each octet of flags says of the eight that follow whether they are octets, or point
// into a dictionary of the last 4096 octets; the one that points to its end ends it all.
// What was written is the dictionary: an offset into it is a distance from where the
// next octet comes to stand, and before the first one stand the words from above.
tl::expected<std::string, std::string> expand(base::Octets in, std::size_t size)
{
    constexpr std::size_t dictionary = 4096, longest = 17, tolerated = 16;
    const auto cut_off = [] { return tl::make_unexpected(std::string("its compressed text is cut off")); };
    std::string out(size + tolerated + longest, '\0');
    std::size_t at = 0;
    const auto before = [](std::size_t distance) {
        return distance <= first_words.size() ? first_words[first_words.size() - distance] : '\0';
    };
    const auto next = [&] {
        const auto c = static_cast<unsigned char>(in.front());
        in.remove_prefix(1);
        return c;
    };
    while (!in.empty()) {
        const unsigned flags = next();
        for (unsigned bit = 0; bit < 8; ++bit) {
            if (at > size + tolerated)
                return tl::make_unexpected("its compressed text is longer than it says");
            if ((flags >> bit & 1U) == 0) {
                if (in.empty()) return cut_off();
                out[at++] = static_cast<char>(next());
                continue;
            }
            if (in.size() < 2) return cut_off();
            const unsigned high = next();
            const unsigned reference = high << 8U | next();
            const std::size_t distance = (first_words.size() + at - (reference >> 4U)) % dictionary;
            if (distance == 0) {
                out.resize(at);
                return out;
            }
            const std::size_t end = at + (reference & 0xfU) + 2;
            for (; at < end && at < distance; ++at) out[at] = before(distance - at);
            for (; at < end; ++at) out[at] = out[at - distance];
        }
    }
    return cut_off();
}

}  // namespace

tl::expected<std::string, std::string> decompress_rtf(base::Octets compressed, std::size_t most)
{
    TnefReader in(compressed);
    const auto octets_behind = in.number(4);  // behind this number, that is
    const auto size = in.number(4);
    const auto magic = in.number(4);
    const auto crc = in.number(4);
    constexpr std::size_t counted = 12;  // of the header
    if (!in.ok() || octets_behind < counted || octets_behind - counted > in.rest().size())
        return tl::make_unexpected("its compressed text is cut off");
    if (size > most) return tl::make_unexpected("its text is too large");
    const auto content = in.take(octets_behind - counted);
    if (magic == uncompressed_magic) {
        if (content.size() != size) return tl::make_unexpected("its text is not as long as it says");
        return std::string(content);
    }
    if (magic != compressed_magic) return tl::make_unexpected("its text is compressed in an unknown way");
    if (checksum(content) != crc) return tl::make_unexpected("the checksum of its compressed text is wrong");
    // 136 octets from 17 is the most there can be: who announces more costs us nothing.
    constexpr std::size_t most_of_one = 9;
    if (size / most_of_one > content.size())
        return tl::make_unexpected("its compressed text is shorter than it says");
    auto out = expand(content, size);
    if (out && out->size() < size) return tl::make_unexpected("its compressed text is shorter than it says");
    if (out) out->resize(size);
    return out;
}

}  // namespace mime
