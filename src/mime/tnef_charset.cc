#include "mime/tnef_charset.h"

#include <iconv.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "base/ascii.h"
#include "mime/utf8.h"

namespace mime
{
namespace
{

struct CodePage {
    unsigned number;
    const char* iconv;    // its name there
    const char* charset;  // and in mail
    bool ascii = true;    // octets below 0x80 are ASCII, and nothing has state (but see combines())
};

constexpr CodePage pages[] = {
    {437, "CP437", "IBM437"},
    {850, "CP850", "IBM850"},
    {852, "CP852", "IBM852"},
    {855, "CP855", "IBM855"},
    {857, "CP857", "IBM857"},
    {858, "CP858", "IBM00858"},
    {862, "CP862", "IBM862"},
    {866, "CP866", "IBM866"},
    {874, "CP874", "windows-874"},
    {932, "CP932", "shift_jis"},
    {936, "GBK", "gbk"},
    {949, "CP949", "ks_c_5601-1987"},
    {950, "CP950", "big5"},
    {1200, "UTF-16LE", nullptr, false},
    {1201, "UTF-16BE", nullptr, false},
    {1250, "CP1250", "windows-1250"},
    {1251, "CP1251", "windows-1251"},
    {1252, "CP1252", "windows-1252"},
    {1253, "CP1253", "windows-1253"},
    {1254, "CP1254", "windows-1254"},
    {1255, "CP1255", "windows-1255"},
    {1256, "CP1256", "windows-1256"},
    {1257, "CP1257", "windows-1257"},
    {1258, "CP1258", "windows-1258"},
    {10000, "MACINTOSH", "macintosh"},
    {20127, "US-ASCII", "us-ascii"},
    {20866, "KOI8-R", "koi8-r"},
    {21866, "KOI8-U", "koi8-u"},
    {28591, "ISO-8859-1", "iso-8859-1"},
    {28592, "ISO-8859-2", "iso-8859-2"},
    {28593, "ISO-8859-3", "iso-8859-3"},
    {28594, "ISO-8859-4", "iso-8859-4"},
    {28595, "ISO-8859-5", "iso-8859-5"},
    {28596, "ISO-8859-6", "iso-8859-6"},
    {28597, "ISO-8859-7", "iso-8859-7"},
    {28598, "ISO-8859-8", "iso-8859-8"},
    {28599, "ISO-8859-9", "iso-8859-9"},
    {28603, "ISO-8859-13", "iso-8859-13"},
    {28605, "ISO-8859-15", "iso-8859-15"},
    {38598, "ISO-8859-8", "iso-8859-8-i"},
    {50220, "ISO-2022-JP", "iso-2022-jp", false},
    {50221, "ISO-2022-JP", "iso-2022-jp", false},
    {50222, "ISO-2022-JP", "iso-2022-jp", false},
    {50225, "ISO-2022-KR", "iso-2022-kr", false},
    {51932, "EUC-JP", "euc-jp"},
    {51936, "GBK", "gb2312"},
    {51949, "EUC-KR", "euc-kr"},
    {54936, "GB18030", "gb18030"},
    {65001, "UTF-8", "utf-8"},
};

const CodePage* find(unsigned number)
{
    const auto* const at = std::find_if(std::begin(pages), std::end(pages),
                                        [&](const CodePage& p) { return p.number == number; });
    return at == std::end(pages) ? nullptr : at;
}

// Vietnamese and Hebrew write accents and points behind their letter.  glibc joins them to
// one character, which takes state; here each octet is one, which says the same (Unicode
// Standard Annex 15).
bool combines(const CodePage& page) { return page.number == 1255 || page.number == 1258; }

// The Windows code pages give meaning to every octet: those without a character are
// controls of their own number.  glibc's converters refuse them.
bool is_hole(base::Octets rest, unsigned number)
{
    if (rest.empty()) return false;
    const auto c = static_cast<unsigned char>(rest.front());
    return number >= 1250 && number <= 1258 && c >= 0x80 && c < 0xa0;
}

}  // namespace

const char* charset_of_code_page(unsigned number)
{
    const auto* page = find(number);
    return page == nullptr ? nullptr : page->charset;
}

bool keeps_ascii(unsigned number)
{
    const auto* page = find(number);
    if (page != nullptr) return page->ascii;
    constexpr unsigned ebcdic[] = {870, 875}, johab = 1361;
    return (number > 500 && number < 1000 &&
            std::find(std::begin(ebcdic), std::end(ebcdic), number) == std::end(ebcdic)) ||
           number == johab || (number > 28'590 && number < 28'610) || (number > 10'000 && number < 10'100);
}

void append_utf8(std::string& out, char32_t character)
{
    const auto put = [&out](char32_t bits) { out += static_cast<char>(static_cast<unsigned char>(bits)); };
    if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000)) character = 0xfffd;
    if (character < 0x80) {
        put(character);
    } else if (character < 0x800) {
        put(0xc0U | character >> 6);
        put(0x80U | (character & 0x3fU));
    } else if (character < 0x10000) {
        put(0xe0U | character >> 12);
        put(0x80U | (character >> 6 & 0x3fU));
        put(0x80U | (character & 0x3fU));
    } else {
        put(0xf0U | character >> 18);
        put(0x80U | (character >> 12 & 0x3fU));
        put(0x80U | (character >> 6 & 0x3fU));
        put(0x80U | (character & 0x3fU));
    }
}

std::string utf8_of_utf16(base::Octets text)
{
    const auto unit = [&](std::size_t at) {
        return static_cast<char32_t>(static_cast<unsigned char>(text[at]) |
                                     static_cast<unsigned char>(text[at + 1]) << 8U);
    };
    std::string out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        char32_t c = unit(i);
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < text.size()) {
            const char32_t low = unit(i + 2);
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10U) + (low - 0xdc00);
                i += 2;
            }
        }
        append_utf8(out, c);
    }
    if (text.size() % 2 != 0) append_utf8(out, 0xfffd);
    return out;
}

// Its converter, and what the characters are of one octet or two.
struct CodePages::Open {
    explicit Open(const CodePage& of) : page(of), converter(::iconv_open("UTF-8", of.iconv)) {}
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    ~Open()
    {
        if (has_converter()) ::iconv_close(converter);
    }

    // By tables, once there was enough text to make them worth it.  false: not well-formed, or
    // for iconv(3).
    [[nodiscard]] bool append_known(std::string& out, base::Octets text)
    {
        constexpr std::size_t worth_a_table = 4096;
        seen += text.size();
        if (!page.ascii || (seen < worth_a_table && !combines(page))) return false;
        if (!filled) fill();
        std::size_t more = 0;
        for (std::size_t at = 0; at < text.size();) {
            const Character& next = known(text, at);
            if (next.size == none) return false;
            more += next.size;
        }
        const auto before = out.size();
        out.resize(before + more);
        char* to = out.data() + before;
        for (std::size_t at = 0; at < text.size();) {
            const Character& next = known(text, at);
            to = std::copy_n(next.utf8.data(), next.size, to);
        }
        return true;
    }

    // By iconv(3).
    [[nodiscard]] bool append(std::string& out, base::Octets text)
    {
        if (!has_converter()) return false;
        const auto before = out.size();
        const bool has_state = !page.ascii || combines(page);
        std::array<char, 512> room{};
        // iconv(3) takes a pointer to what it might write to, and does not.
        char* in = const_cast<char*>(text.data());
        std::size_t left = text.size();
        while (true) {
            char* to = room.data();
            std::size_t free = room.size();
            const bool flushing = left == 0;
            const auto done = flushing ? ::iconv(converter, nullptr, nullptr, &to, &free)
                                       : ::iconv(converter, &in, &left, &to, &free);
            out.append(room.data(), room.size() - free);
            if (done != static_cast<std::size_t>(-1)) {
                if (flushing || !has_state) return true;
            } else if (errno == EILSEQ && is_hole({in, left}, page.number)) {
                append_utf8(out, static_cast<unsigned char>(*in));
                ++in;
                --left;
            } else if (errno != E2BIG) {
                out.resize(before);
                ::iconv(converter, nullptr, nullptr, nullptr, nullptr);
                return false;
            }
        }
    }

    const CodePage& page;

private:
    static constexpr unsigned char unknown = 0, none = 0xff;  // instead of a size

    struct Character {
        std::array<char, 4> utf8;
        unsigned char size;
    };

    [[nodiscard]] bool has_converter() const { return std::bit_cast<std::intptr_t>(converter) != -1; }

    // Of one octet or of two, behind which `at` is then; or none.
    [[nodiscard]] const Character& known(base::Octets text, std::size_t& at)
    {
        const auto first = static_cast<unsigned char>(text[at]);
        ++at;
        if (singles[first].size != none || first < 0x80 || at == text.size() || combines(page))
            return singles[first];
        if (pairs.empty()) pairs.resize(std::size_t{0x80} << 8U);
        Character& pair = pairs[(first & 0x7fU) << 8U | static_cast<unsigned char>(text[at])];
        if (pair.size == unknown) pair = character(text.substr(at - 1, 2));
        ++at;
        return pair;
    }

    [[nodiscard]] Character character(base::Octets octets)
    {
        Character made{{}, none};
        std::string one;
        if (!append(one, octets) || one.empty() || one.size() > made.utf8.size()) return made;
        std::copy(one.begin(), one.end(), made.utf8.begin());
        made.size = static_cast<unsigned char>(one.size());
        return made;
    }

    void fill()
    {
        for (std::size_t octet = 0; octet < singles.size(); ++octet) {
            const char c = static_cast<char>(static_cast<unsigned char>(octet));
            singles[octet] = character({&c, 1});
        }
        filled = true;
    }

    iconv_t converter;
    bool filled = false;
    std::size_t seen = 0;  // octets
    std::array<Character, 256> singles{};
    std::vector<Character> pairs;  // by what the first octet is above 0x80, and the second
};

CodePages::CodePages() = default;
CodePages::~CodePages() = default;

CodePages::Open* CodePages::open(unsigned number)
{
    if (last_ != nullptr && last_->page.number == number) return last_;
    auto at = open_.find(number);
    if (at == open_.end()) {
        const auto* page = find(number);
        if (page == nullptr) return nullptr;
        at = open_.emplace(number, std::make_unique<Open>(*page)).first;
    }
    last_ = at->second.get();
    return last_;
}

bool CodePages::append(std::string& out, base::Octets text, unsigned number)
{
    constexpr unsigned utf8_page = 65001;
    Open* const pages = open(number);
    const bool as_it_is = text.empty() ||
                          ((pages == nullptr ? keeps_ascii(number) : pages->page.ascii) && is_ascii(text)) ||
                          (number == utf8_page && is_utf8(text));
    if (as_it_is) out += text;
    if (as_it_is || pages == nullptr || number == utf8_page) return as_it_is;
    return pages->append_known(out, text) || (!combines(pages->page) && pages->append(out, text));
}

std::optional<std::string> CodePages::utf8(base::Octets text, unsigned number)
{
    std::string out;
    if (!append(out, text, number)) return std::nullopt;
    return out;
}

std::optional<std::string> CodePages::utf8(base::Octets text, std::string_view charset)
{
    const auto* const at = std::find_if(std::begin(pages), std::end(pages), [&](const CodePage& p) {
        return p.charset != nullptr && base::iequals(p.charset, charset);
    });
    return at == std::end(pages) ? std::nullopt : utf8(text, at->number);
}

}  // namespace mime
