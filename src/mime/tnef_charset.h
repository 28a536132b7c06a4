// Code pages and UTF-16 as Windows programs write them, to UTF-8.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/octets.h"

namespace mime
{

// The name of a Windows code page in a Content-Type ("windows-1252" for 1252), or
// nullptr when it has none that mail programs know.
[[nodiscard]] const char* charset_of_code_page(unsigned number);

// Whether octets below 0x80 are ASCII in it wherever they stand, but as the second of a
// character; so of all that RTF can be written in.  Of pages that are not known here those of
// DOS, of ISO 8859 and of the Macintosh do, others (UTF-7, EBCDIC) do not.
[[nodiscard]] bool keeps_ascii(unsigned number);

// UTF-16, little endian, to UTF-8.  Half a surrogate pair and half a unit, which UTF-8
// cannot say, become U+FFFD.
[[nodiscard]] std::string utf8_of_utf16(base::Octets text);
void append_utf8(std::string& out, char32_t character);  // above U+10FFFF, or a surrogate: U+FFFD

// Keeps converters open, so that many short texts are cheap.  For one thread; iconv(3)
// only in its .cc.
class CodePages
{
public:
    CodePages();
    CodePages(const CodePages&) = delete;
    CodePages& operator=(const CodePages&) = delete;
    ~CodePages();

    // nullopt: the code page is not known, or the text is not well-formed in it.
    [[nodiscard]] std::optional<std::string> utf8(base::Octets text, unsigned number);
    // The same at the end of `out`, which stays as it is when there is none.
    [[nodiscard]] bool append(std::string& out, base::Octets text, unsigned number);
    // By the name of a charset in a Content-Type, of whatever case.
    [[nodiscard]] std::optional<std::string> utf8(base::Octets text, std::string_view charset);

private:
    struct Open;  // a code page

    [[nodiscard]] Open* open(unsigned number);

    std::map<unsigned, std::unique_ptr<Open>> open_;  // at most one for each known code page
    Open* last_ = nullptr;                            // used; of these
};

}  // namespace mime
