#include "mime/tnef_rtf.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "mime/tnef_rtf_tokens.h"

namespace mime
{
namespace
{

// The character set of a font (RTF 1.9.1, \fcharset) as a code page; 0: the document's.
unsigned code_page_of(int font_charset)
{
    static constexpr std::pair<int, unsigned> known[] = {
        {77, 10000}, {128, 932},  {129, 949},  {134, 936},  {136, 950},  {161, 1253},
        {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256}, {186, 1257}, {204, 1251},
        {222, 874},  {238, 1250}, {254, 437},  {255, 850},  {0, 1252}};
    for (const auto& [charset, page] : known)
        if (charset == font_charset) return page;
    return 0;
}

struct Character {
    base::Octets word;
    char32_t character;
    base::Octets entity;  // as MS-OXRTFEX section 2.2 wants it in HTML; "": the character
};
constexpr Character characters[] = {{"tab", '\t', ""},
                                    {"lquote", 0x2018, "&lsquo;"},
                                    {"rquote", 0x2019, "&rsquo;"},
                                    {"ldblquote", 0x201c, "&ldquo;"},
                                    {"rdblquote", 0x201d, "&rdquo;"},
                                    {"bullet", 0x2022, "&bull;"},
                                    {"endash", 0x2013, "&ndash;"},
                                    {"emdash", 0x2014, "&mdash;"},
                                    {"emspace", 0x2003, ""},
                                    {"enspace", 0x2002, ""},
                                    {"cell", '\t', ""},
                                    {"nestcell", '\t', ""}};

constexpr base::Octets line_words[] = {"par", "line", "sect", "page", "row", "nestrow"};

// Destinations that hold no text of the body, beside all those that begin with \*.
constexpr base::Octets silent_words[] = {
    "colortbl", "stylesheet", "info",    "pict",      "header",   "headerl", "headerr",   "headerf",
    "footer",   "footerl",    "footerr", "footerf",   "ftnsep",   "ftnsepc", "tc",        "xe",
    "rxe",      "filetbl",    "revtbl",  "listtable", "listtext", "pntext",  "nonshppict"};

enum class Word {
    bin,
    rtf,
    from_html,
    from_text,
    document_page,
    html_tag,
    html_rtf,
    font_table,
    silent,
    skipped_after_unicode,
    unicode,
    default_font,
    font,
    font_charset,
    font_page,
    plain,
    line,
    character
};

struct Meaning {
    base::Octets name;
    Word word;
    const Character* character = nullptr;
};

constexpr Meaning other_words[] = {{"bin", Word::bin},
                                   {"rtf", Word::rtf},
                                   {"fromhtml", Word::from_html},
                                   {"fromtext", Word::from_text},
                                   {"ansicpg", Word::document_page},
                                   {"htmltag", Word::html_tag},
                                   {"htmlrtf", Word::html_rtf},
                                   {"fonttbl", Word::font_table},
                                   {"uc", Word::skipped_after_unicode},
                                   {"u", Word::unicode},
                                   {"deff", Word::default_font},
                                   {"f", Word::font},
                                   {"fcharset", Word::font_charset},
                                   {"cpg", Word::font_page},
                                   {"plain", Word::plain}};

// All words that mean something, where their letters put them or in the next free place.
// A text can be nothing but words, so that looking one up must cost next to nothing.
class Words
{
public:
    constexpr Words()
    {
        for (const auto& word : other_words) put(word);
        for (const auto name : silent_words) put({name, Word::silent});
        for (const auto name : line_words) put({name, Word::line});
        for (const auto& c : characters) put({c.word, Word::character, &c});
    }

    // nullptr: formatting only.
    [[nodiscard]] constexpr const Meaning* find(base::Octets name) const
    {
        for (std::size_t at = place(name); !places_[at].name.empty(); at = next(at))
            if (places_[at].name == name) return &places_[at];
        return nullptr;
    }

private:
    static constexpr std::size_t count = 256;  // more than four times the words

    static constexpr std::size_t place(base::Octets name)
    {
        const auto code = [](char c) { return static_cast<std::size_t>(static_cast<unsigned char>(c)); };
        return (code(name.front()) * 7 + code(name.back()) * 29 + name.size() * 53) % count;
    }
    static constexpr std::size_t next(std::size_t at) { return (at + 1) % count; }
    constexpr void put(Meaning meaning)
    {
        std::size_t at = place(meaning.name);
        while (!places_[at].name.empty()) at = next(at);
        places_[at] = meaning;
    }

    std::array<Meaning, count> places_{};
};
constexpr Words known_words;

// What holds until the end of a group.
struct Group {
    bool silent = false;    // a destination that is not read
    bool fonts = false;     // the font table
    bool html_tag = false;  // \*\htmltag: HTML that has no place in RTF
    bool html_rtf = false;  // \htmlrtf: RTF that has no place in HTML
    int skipped_after_unicode = 1;
    unsigned font_page = 0;
    bool fresh = true;       // nothing of it was read
    bool ignorable = false;  // it begins with \*
};

class Reader
{
public:
    Reader(base::Octets rtf, CodePages& pages) : tokens_(rtf), pages_(pages)
    {
        groups_.reserve(deepest);
        out_.reserve(rtf.size());
    }

    tl::expected<RtfBody, std::string> run()
    {
        while (true) {
            const RtfToken token = tokens_.next();  // assigning it to another takes longer than all else
            if (token.kind == RtfToken::Kind::end) break;
            if (token.kind == RtfToken::Kind::open) {
                if (groups_.size() == deepest) return tl::make_unexpected("its text is nested too deeply");
                Group inner = groups_.empty() ? Group() : groups_.back();
                inner.fresh = true;
                inner.ignorable = false;
                groups_.push_back(inner);
                to_skip_ = 0;
                continue;
            }
            if (groups_.empty()) break;  // what stands behind the last group is not RTF
            if (token.kind == RtfToken::Kind::close) {
                groups_.pop_back();
                to_skip_ = 0;
                continue;
            }
            take(token);
            if (wrong_ != nullptr) return tl::make_unexpected(wrong_);
            groups_.back().fresh = false;
        }
        flush();
        if (!groups_.empty()) return tl::make_unexpected("its text does not come to its end");
        if (!began_) return tl::make_unexpected("its text is not RTF");
        if (wrong_ != nullptr) return tl::make_unexpected(wrong_);
        return RtfBody{kind_, std::move(out_)};
    }

private:
    using Kind = RtfBody::Kind;

    [[nodiscard]] Group& group() { return groups_.back(); }
    [[nodiscard]] bool heard() const
    {
        const Group& g = groups_.back();
        return !g.silent && !g.fonts && !(kind_ != Kind::rich && g.html_rtf && !g.html_tag);
    }

    void take(const RtfToken& token)
    {
        switch (token.kind) {
            case RtfToken::Kind::word: word(token); break;
            case RtfToken::Kind::symbol: symbol(token.octet); break;
            case RtfToken::Kind::octet: text(base::Octets(&token.octet, 1)); break;
            case RtfToken::Kind::text: text(token.text); break;
            default: break;
        }
    }

    void symbol(char c)
    {
        if (c == '*') {
            if (group().fresh) group().ignorable = true;
        } else if (c == '{' || c == '}' || c == '\\') {
            text(base::Octets(&c, 1));
        } else if (c == '~') {
            character(0xa0, "&nbsp;");
        } else if (c == '_') {
            character(kind_ == Kind::html ? 0xad : 0x2011, "&shy;");
        } else if (c == '\r' || c == '\n') {
            line();
        }
    }

    void word(const RtfToken& token)
    {
        const auto* const meaning = known_words.find(token.text);
        const int value = token.parameter.value_or(1);
        if (group().ignorable && (meaning == nullptr || meaning->word != Word::html_tag))
            group().silent = true;
        group().ignorable = false;
        if (meaning == nullptr) return;
        // What is not read says nothing about the rest, but where its octets end.
        if (group().silent && meaning->word != Word::bin) return;
        const bool nothing_yet = out_.empty() && pending_.empty();
        switch (meaning->word) {
            case Word::bin:
                tokens_.skip(static_cast<std::size_t>(std::max(token.parameter.value_or(0), 0)));
                break;
            case Word::rtf: began_ = true; break;
            case Word::from_html: kind_ = nothing_yet ? Kind::html : kind_; break;
            case Word::from_text: kind_ = nothing_yet ? Kind::text : kind_; break;
            case Word::document_page: document_page_ = page_named(value).value_or(document_page_); break;
            case Word::html_tag: group().html_tag = true; break;
            case Word::html_rtf: group().html_rtf = value != 0; break;
            case Word::font_table: group().fonts = true; break;
            case Word::silent: group().silent = true; break;
            case Word::skipped_after_unicode:
                group().skipped_after_unicode = std::clamp(value, 0, 100);
                break;
            case Word::unicode: unicode(value); break;
            case Word::default_font: default_font_ = value; break;
            case Word::font:
            case Word::font_charset:
            case Word::font_page: font(meaning->word, value); break;
            case Word::plain: group().font_page = page_of_font(default_font_); break;
            case Word::line: line(); break;
            case Word::character: character(meaning->character->character, meaning->character->entity); break;
        }
    }

    void font(Word word, int value)
    {
        constexpr std::size_t most_fonts = 10'000;
        if (!group().fonts) {
            if (word == Word::font) group().font_page = page_of_font(value);
        } else if (word == Word::font) {
            font_ = value;
        } else {
            const auto page = word == Word::font_page ? page_named(value).value_or(0) : code_page_of(value);
            if (page != 0) fonts_[font_] = page;
            if (fonts_.size() > most_fonts) wrong_ = "its text has too many fonts";
        }
    }

    // One that RTF cannot be in is as one that is not known, whoever writes text in it.
    static std::optional<unsigned> page_named(int value)
    {
        if (value <= 0) return std::nullopt;
        const auto page = static_cast<unsigned>(value);
        return keeps_ascii(page) ? page : unknown_page;
    }

    [[nodiscard]] unsigned page_of_font(int number) const
    {
        const auto at = fonts_.find(number);
        return at == fonts_.end() ? 0 : at->second;
    }

    // HTML in \*\htmltag is in the document's code page (MS-OXRTFEX section 2.1.3.1.4), text in
    // that of its font.
    [[nodiscard]] unsigned page() const
    {
        const Group& g = groups_.back();
        return g.html_tag || g.font_page == 0 ? document_page_ : g.font_page;
    }

    void text(base::Octets octets)
    {
        const auto skipped = std::min(to_skip_, octets.size());
        to_skip_ -= skipped;
        octets.remove_prefix(skipped);
        if (octets.empty() || !heard()) return;
        if (page() != pending_page_) flush();
        pending_page_ = page();
        high_ = 0;
        pending_ += octets;
    }

    void unicode(int value)
    {
        to_skip_ = 0;
        if (heard()) {
            flush();
            const auto unit = static_cast<char32_t>(value < 0 ? value + 0x10000 : value) & 0xffffU;
            if (unit >= 0xdc00 && unit < 0xe000 && high_ != 0) {
                out_.resize(out_.size() - replaced);
                append_utf8(out_, 0x10000 + ((high_ - 0xd800) << 10U) + (unit - 0xdc00));
                high_ = 0;
            } else {
                append_utf8(out_, unit);
                high_ = unit >= 0xd800 && unit < 0xdc00 ? unit : 0;
            }
        }
        to_skip_ = static_cast<std::size_t>(group().skipped_after_unicode);
    }

    void character(char32_t c, base::Octets entity)
    {
        if (to_skip_ > 0) {
            --to_skip_;
            return;
        }
        if (!heard()) return;
        flush();
        high_ = 0;
        if (kind_ == Kind::html && !entity.empty())
            out_ += entity;
        else
            append_utf8(out_, c);
    }

    void line()
    {
        to_skip_ = 0;
        if (!heard()) return;
        flush();
        high_ = 0;
        out_ += "\r\n";
    }

    void flush()
    {
        high_ = pending_.empty() ? high_ : 0;
        if (pending_.empty()) return;
        if (!pages_.append(out_, pending_, pending_page_))
            wrong_ = "its text is not in the code page that it names";
        pending_.clear();
    }

    static constexpr std::size_t deepest = 500;  // groups in one another
    static constexpr unsigned unknown_page = 0xffffffff;
    static constexpr std::size_t replaced = 3;  // octets of U+FFFD, which stands for half a pair

    RtfTokens tokens_;
    CodePages& pages_;
    std::vector<Group> groups_;
    std::map<int, unsigned> fonts_;
    int font_ = 0, default_font_ = 0;
    unsigned document_page_ = 1252;
    Kind kind_ = Kind::rich;
    bool began_ = false;
    const char* wrong_ = nullptr;  // what a reader would see otherwise than we
    std::string out_, pending_;    // the latter in pending_page_
    unsigned pending_page_ = 0;
    std::size_t to_skip_ = 0;  // characters that stand for the \u before them
    char32_t high_ = 0;        // the first half of a pair, just written
};

}  // namespace

tl::expected<RtfBody, std::string> read_rtf(base::Octets rtf, CodePages& pages)
{
    return Reader(rtf, pages).run();
}

}  // namespace mime
