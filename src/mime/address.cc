#include "mime/address.h"

#include <algorithm>

#include "base/ascii.h"
#include "mime/domain.h"
#include "mime/lexer.h"
#include "mime/utf8.h"

namespace mime
{
namespace
{

// atext runs joined by single dots.
bool is_dot_atom(std::string_view text)
{
    bool dot = true;  // as if one stood before the start
    for (const char c : text) {
        if (c == '.' ? dot : !is_atom_octet(c)) return false;
        dot = c == '.';
    }
    return !dot;
}

// Reads one address list from left to right.  What does not fit the grammar
// clears `valid` and is skipped up to the next comma; every turn of the loop
// consumes something.
class ListReader
{
public:
    explicit ListReader(std::string_view unfolded) : lexer_(unfolded) {}

    MailboxList read()
    {
        while (true) {
            if (element() == Element::group_start) continue;
            if (in_group_ && lexer_.take(';')) {
                in_group_ = false;
                lexer_.skip_cfws();
            }
            if (lexer_.done()) break;
            if (!lexer_.next_is(',')) {
                out_.valid = false;
                static_cast<void>(lexer_.until(','));
            }
            if (!lexer_.take(',')) break;
        }
        if (in_group_ || !lexer_.clean()) out_.valid = false;
        return std::move(out_);
    }

    // An addr-spec and nothing else, no blanks or comments.
    bool read_addr_spec(Mailbox& out)
    {
        const Words local = read_words(out);
        return !local.spaced && domain_of(local, out) && tight_domain_ && lexer_.done() && lexer_.clean();
    }

private:
    // A run of atoms, quoted-strings and dots: a phrase or a local part.
    struct Words {
        std::string text;  // strings resolved, a blank where blanks or comments stood
        std::size_t count = 0;
        std::size_t strings = 0;
        bool inner_space = false;
        bool spaced = false;  // blanks or comments anywhere, the end included

        [[nodiscard]] bool is_local_part() const
        {
            return strings == 0 ? !inner_space && is_dot_atom(text) : count == 1;
        }
    };

    enum class Element { mailbox, group_start };

    Words read_words(Mailbox& box)
    {
        Words words;
        bool space = false;
        while (true) {
            std::string word;
            if (auto string = lexer_.quoted_string()) {
                word = std::move(*string);
                ++words.strings;
            } else if (lexer_.take('.')) {
                word = '.';
            } else {
                word = lexer_.run(is_atom_octet);
                if (word.empty()) return words;
            }
            if (space) {
                words.text += ' ';
                words.inner_space = true;
            }
            words.text += word;
            ++words.count;
            space = skip_cfws(box);
            words.spaced = words.spaced || space;
        }
    }

    bool skip_cfws(Mailbox& box)
    {
        const std::size_t before = lexer_.position();
        lexer_.skip_cfws(&box.comments);
        return lexer_.position() != before;
    }

    // The rest of an addr-spec of which the local part has been read.
    bool domain_of(const Words& local, Mailbox& box)
    {
        if (!lexer_.take('@')) return false;
        box.local = local.text;
        const bool before = skip_cfws(box);
        const auto literal = lexer_.domain_literal();
        box.domain = literal ? *literal : lexer_.run([](char c) { return c == '.' || is_atom_octet(c); });
        const bool after = skip_cfws(box);
        tight_domain_ = !before && !after;
        return local.is_local_part() && (literal || is_dot_atom(box.domain)) && is_utf8(box.local) &&
               is_utf8(box.domain);
    }

    // Behind "<": an addr-spec and ">".
    bool angle_addr(Mailbox& box)
    {
        skip_cfws(box);
        const bool route = lexer_.next_is('@');  // obs-route: read over it
        if (route) {
            static_cast<void>(lexer_.run([](char c) { return c != ':' && c != '>' && c != ','; }));
            lexer_.take(':');
            skip_cfws(box);
        }
        const Words local = read_words(box);
        const bool good = domain_of(local, box);
        const bool closed = lexer_.take('>');
        skip_cfws(box);
        return good && closed && !route;
    }

    Element element()
    {
        Mailbox box;
        skip_cfws(box);
        if (group_is_empty_ && lexer_.next_is(';')) return Element::mailbox;  // "undisclosed:;"
        const Words words = read_words(box);
        bool good = false;
        if (lexer_.next_is('@')) {
            good = domain_of(words, box);
        } else if (lexer_.take('<')) {
            box.display_name = words.text;
            good = angle_addr(box) && is_utf8(box.display_name);
        } else if (lexer_.take(':')) {
            if (in_group_ || words.count == 0 || !is_utf8(words.text)) out_.valid = false;
            in_group_ = group_is_empty_ = out_.group = true;
            return Element::group_start;
        }
        group_is_empty_ = false;
        if (!good || !is_utf8(box.comments)) out_.valid = false;
        if (!box.domain.empty()) out_.mailboxes.push_back(std::move(box));
        return Element::mailbox;
    }

    Lexer lexer_;
    MailboxList out_;
    bool in_group_ = false;
    bool group_is_empty_ = false;  // so far
    bool tight_domain_ = true;
};

struct Halves {
    std::string_view local, domain;
    bool whole = false;  // there was an "@"
};

Halves split(std::string_view address)
{
    bool string = false;
    std::size_t at = std::string_view::npos;
    for (std::size_t i = 0; i < address.size(); ++i) {
        const char c = address[i];
        if (c == '\\' && string) {
            ++i;
        } else if (c == '"') {
            string = !string;
        } else if (c == '@' && !string) {
            at = i;
        }
    }
    if (at == std::string_view::npos) return {address, {}, false};
    return {address.substr(0, at), address.substr(at + 1), true};
}

bool same_domain(std::string_view a, std::string_view b)
{
    return base::iequals(a, b) || (!(is_ascii(a) && is_ascii(b)) && ascii_domain(a) == ascii_domain(b));
}

bool octets_match(std::string_view pattern, std::string_view address)
{
    const std::string_view local = split(address).local;
    const std::size_t exact = is_ascii(local) ? 0 : local.size();
    const auto fits = [&](char p, std::size_t i) {
        if (p == '?') return true;
        return i < exact ? p == address[i] : base::lower(p) == base::lower(address[i]);
    };
    std::size_t p = 0, i = 0, star = std::string_view::npos, resume = 0;
    while (i < address.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = i;
        } else if (p < pattern.size() && fits(pattern[p], i)) {
            ++p;
            ++i;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace

std::string Mailbox::address() const
{
    if (local.empty() && domain.empty()) return {};
    if (is_dot_atom(local)) return local + '@' + domain;
    std::string out = "\"";
    for (const char c : local) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"@" + domain;
}

MailboxList parse_mailboxes(base::Octets value, std::size_t limit)
{
    const std::string text = unfold(value.substr(0, limit));
    MailboxList out = ListReader(text).read();
    if (value.size() > limit) out.valid = false;
    return out;
}

bool parse_address(std::string_view text, Mailbox& out)
{
    Mailbox box;
    if (!ListReader(text).read_addr_spec(box)) return false;
    out = std::move(box);
    return true;
}

std::string Author::address() const { return status == AuthorStatus::ok ? mailbox.address() : std::string(); }

const char* describe(AuthorStatus s)
{
    switch (s) {
        case AuthorStatus::ok: return "one author";
        case AuthorStatus::missing: return "no From field";
        case AuthorStatus::several_fields: return "several From fields";
        case AuthorStatus::several_mailboxes: return "several mailboxes in From";
        case AuthorStatus::group: return "a group in From";
        case AuthorStatus::invalid: return "malformed From";
    }
    return "unknown";
}

Author author_of(const std::vector<Field>& fields)
{
    Author out;
    const Field* from = nullptr;
    for (const Field& f : fields) {
        if (!base::iequals(f.name, "From")) continue;
        if (from != nullptr) {
            out.status = AuthorStatus::several_fields;
            return out;
        }
        from = &f;
    }
    if (from == nullptr) return out;
    MailboxList list = parse_mailboxes(from->value);
    if (!list.valid) {
        out.status = AuthorStatus::invalid;
    } else if (list.group) {
        out.status = AuthorStatus::group;
    } else if (list.mailboxes.size() > 1) {
        out.status = AuthorStatus::several_mailboxes;
    } else {
        out.status = AuthorStatus::ok;
        out.mailbox = std::move(list.mailboxes.front());
    }
    return out;
}

bool address_matches(std::string_view pattern, std::string_view address)
{
    const auto with_ascii_domain = [](std::string_view text) {
        const Halves halves = split(text);
        return std::string(halves.local) + "@" + ascii_domain(halves.domain);
    };
    if (split(address).whole && split(pattern).whole &&
        !(is_ascii(split(address).domain) && is_ascii(split(pattern).domain)))
        return octets_match(with_ascii_domain(pattern), with_ascii_domain(address));
    return octets_match(pattern, address);
}

bool same_address(std::string_view a, std::string_view b)
{
    const Halves left = split(a), right = split(b);
    if (!left.whole || !right.whole || !same_domain(left.domain, right.domain)) return false;
    return is_ascii(left.local) && is_ascii(right.local) ? base::iequals(left.local, right.local)
                                                         : left.local == right.local;
}

std::string domain_of(std::string_view address) { return ascii_domain(split(address).domain); }

std::string address_key(std::string_view address)
{
    const Halves halves = split(address);
    if (!halves.whole) return base::to_lower(address);
    const std::string local(halves.local);
    return (is_ascii(local) ? base::to_lower(local) : local) + "@" + ascii_domain(halves.domain);
}

}  // namespace mime
