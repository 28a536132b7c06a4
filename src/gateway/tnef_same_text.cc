#include "gateway/tnef_same_text.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "base/ascii.h"
#include "mime/tnef_charset.h"

namespace gateway
{
namespace
{

// The entities of HTML 4 for U+00A0 to U+00FF, in their order.
constexpr std::string_view entities =
    "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 "
    "acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde "
    "Auml "
    "Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc "
    "Otilde "
    "Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring "
    "aelig "
    "ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml "
    "divide "
    "oslash ugrave uacute ucirc uuml yacute thorn yuml";

std::unordered_map<std::string_view, char32_t> by_name()
{
    std::unordered_map<std::string_view, char32_t> out;
    char32_t character = 0xa0;
    for (std::string_view rest = entities; !rest.empty(); ++character) {
        const auto next = rest.substr(0, rest.find(' '));
        out.emplace(next, character);
        rest.remove_prefix(std::min(next.size() + 1, rest.size()));
    }
    return out;
}

// Of what stands between "&" and ";".
std::optional<char32_t> entity(std::string_view name)
{
    if (name.starts_with('#')) {
        const auto number = base::parse_decimal(name.substr(1));
        return number && *number <= 0x10ffff ? std::optional(static_cast<char32_t>(*number)) : std::nullopt;
    }
    static const auto known = by_name();
    const auto at = known.find(name);
    return at == known.end() ? std::nullopt : std::optional(at->second);
}

std::string with_characters(std::string_view html)
{
    constexpr std::size_t longest = 10;
    std::string out;
    while (!html.empty()) {
        const auto plain = html.substr(0, html.find('&'));
        out += plain;
        html.remove_prefix(plain.size());
        const auto end = html.substr(0, longest).find(';');
        const auto character = end == std::string_view::npos ? std::nullopt : entity(html.substr(1, end - 1));
        if (character) mime::append_utf8(out, *character);
        html.remove_prefix(std::min(html.size(), character ? end + 1 : 1));
    }
    return out;
}

// Takes the next word off: letters, digits and whatever is beyond ASCII, but the blank
// that does not break.  Empty: there is none left.
base::Octets next_word(base::Octets& text)
{
    constexpr std::string_view no_break = "\xc2\xa0";
    const auto begins = [&](std::size_t at) {
        const char c = text[at];
        return base::is_digit(c) || (base::lower(c) >= 'a' && base::lower(c) <= 'z') ||
               (static_cast<unsigned char>(c) >= 0x80 && text.substr(at, 2) != no_break);
    };
    std::size_t at = 0;
    while (at < text.size() && !begins(at)) at += text.substr(at, 2) == no_break ? 2 : 1;
    text.remove_prefix(at);
    at = 0;
    while (at < text.size() && begins(at)) ++at;
    const auto word = text.substr(0, at);
    text.remove_prefix(at);
    return word;
}

// Is each word of `part` in `whole`, in this order?
bool holds(base::Octets whole, base::Octets part)
{
    for (auto wanted = next_word(part); !wanted.empty(); wanted = next_word(part)) {
        auto word = next_word(whole);
        while (!word.empty() && word != wanted) word = next_word(whole);
        if (word.empty()) return false;
    }
    return true;
}

// Is `part` told by `whole`, too?  By their beginnings: 7 words of 10 are to be found.
bool tells(base::Octets whole, base::Octets part)
{
    whole = whole.substr(0, 1U << 20);
    part = part.substr(0, 1U << 16);
    // How often.  Ordered: a stranger can choose words that share a place in a table of hashes.
    std::map<base::Octets, std::size_t> missing;
    std::size_t all = 0;
    for (auto word = next_word(part); !word.empty(); word = next_word(part), ++all) ++missing[word];
    std::size_t found = 0;
    for (auto word = next_word(whole); !word.empty() && found * 10 < all * 7; word = next_word(whole)) {
        const auto at = missing.find(word);
        if (at == missing.end()) continue;
        found += at->second;
        missing.erase(at);
    }
    return found * 10 >= all * 7;
}

}  // namespace

bool same_text(const mime::TnefMessage& message, base::Octets text, const std::string* charset,
               mime::CodePages& pages)
{
    const auto utf8 = [&](base::Octets octets, const std::string& in) {
        auto converted = pages.utf8(octets, in);
        return converted ? std::move(*converted) : std::string(octets);
    };
    const auto outer = utf8(text, charset == nullptr ? "us-ascii" : *charset);
    // The other way round, too: beside HTML a text that says something else would be hidden.
    if (message.text) return holds(outer, *message.text) && tells(*message.text, outer);
    if (!message.html) return true;
    constexpr std::size_t beginning = 1U << 20;
    const auto html = base::Octets(message.html->octets).substr(0, beginning);
    return tells(with_characters(utf8(html, message.html->charset)), outer);
}

}  // namespace gateway
