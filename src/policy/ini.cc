#include "policy/ini.h"

#include <ini.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/log.h"
#include "mime/utf8.h"

namespace policy
{
namespace
{

constexpr std::size_t max_line = std::size_t{64} * 1024;
// inih cuts section names and the names of continued keys at 49 octets.
constexpr std::size_t max_name = 49;

constexpr const char* key_wanted = "wanted \"key = value\"";

bool is_word(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        const char l = base::lower(c);
        return (l >= 'a' && l <= 'z') || base::is_digit(c) || c == '_' || c == '-';
    });
}

bool is_section_name(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_word({&c, 1}) || c == '.' || c == '@' || c == '+' || static_cast<unsigned char>(c) >= 0x80;
    });
}

std::string quoted(std::string_view text) { return "\"" + base::printable(text, 60) + "\""; }

// What is wrong with the octets of a line, or "".
std::string bad_octets(std::string_view line)
{
    if (line.size() > max_line)
        return "line of " + std::to_string(line.size()) + " octets, at most " + std::to_string(max_line);
    for (char c : line) {
        if (c == '\0') return "NUL octet";
        if (base::is_control(c) && c != '\t') return "control character 0x" + base::hex({&c, 1});
    }
    return mime::is_utf8(line) ? "" : "octets that are not UTF-8";
}

// "#" or ";" at the start of a value or after a blank: inih would cut there, and
// whoever reads the file cannot tell a comment from a value.
bool looks_commented(std::string_view value)
{
    bool after_blank = true;
    for (char c : value) {
        if (after_blank && (c == '#' || c == ';')) return true;
        after_blank = base::is_blank(c);
    }
    return false;
}

// Hands the file to inih line by line and keeps the book that inih does not:
// where each line is, which section is open, what a continuation continues.
class Reading
{
public:
    Reading(const std::string& file, std::string_view content, std::vector<base::Problem>& problems)
        : file_(file), rest_(content), problems_(problems)
    {
        if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    }

    std::vector<Section> run()
    {
        if (ini_parse_stream(&Reading::next_line, this, &Reading::pair, this) != 0)
            refuse("syntax error", key_wanted);
        return std::move(sections_);
    }

private:
    enum class Piece { none, key, continuation, rest_of_line };  // what inih was given last
    enum class Above { nothing, key, refused };                  // what an indented line would continue

    void refuse(std::string what, std::string remedy)
    {
        problems_.push_back({base::Severity::error,
                             {base::Code::configuration, file_ + ":" + std::to_string(line_), std::move(what),
                              std::move(remedy)}});
    }

    // inih's reader: like fgets(3).
    static char* next_line(char* out, int size, void* self)
    {
        return static_cast<Reading*>(self)->next(out, static_cast<std::size_t>(size));
    }

    // inih's handler: called before the reader is asked for the next line.
    static int pair(void* self, const char*, const char* name, const char* value)
    {
        static_cast<Reading*>(self)->add(name, value);
        return 1;
    }

    char* next(char* out, std::size_t size)
    {
        if (pending_.empty()) {
            if (rest_.empty()) return nullptr;
            const auto end = rest_.find('\n');
            std::string_view line = rest_.substr(0, end);
            rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
            ++line_;
            if (line.ends_with('\r')) line.remove_suffix(1);
            piece_ = Piece::none;
            pending_ = screen(line);
        } else {
            piece_ = Piece::rest_of_line;
        }
        return give(out, size);
    }

    // inih's buffer may be as small as 200 octets and it would take the tail of
    // a longer line for a line of its own: the tail is handed over as indented
    // lines, which inih reports as further values of the same key.
    char* give(char* out, std::size_t size)
    {
        const bool continued = piece_ == Piece::rest_of_line;
        const std::size_t room = size - (continued ? 3 : 2);  // blank, line end, NUL
        std::size_t cut = pending_.size();
        if (cut > room) {
            cut = room;
            while (cut > 0 && !may_cut(cut)) --cut;
            if (cut <= (continued ? 0 : max_name + 3)) {
                refuse("more than a hundred blanks in a row", "write one");
                pending_ = {};
                cut = 0;
            }
        }
        char* p = out;
        if (continued && cut > 0) *p++ = ' ';
        p += pending_.copy(p, cut);
        *p++ = '\n';
        *p = '\0';
        pending_.remove_prefix(cut);
        return out;
    }

    // inih trims what it is given and takes a leading "#" or ";" for a comment.
    [[nodiscard]] bool may_cut(std::size_t at) const
    {
        const char next = pending_[at];
        return !base::is_blank(pending_[at - 1]) && !base::is_blank(next) && next != '#' && next != ';';
    }

    // What inih is to see of a line: itself, or nothing when it is refused.
    std::string_view screen(std::string_view line)
    {
        const auto text = base::trim(line);
        if (auto what = bad_octets(line); !what.empty()) {
            refuse(what, "mend the line");
            above_ = Above::refused;
            return {};
        }
        if (text.empty() || text.front() == '#' || text.front() == ';') return {};
        if (base::is_blank(line.front())) return continuation(text) ? line : std::string_view{};
        if (text.front() == '[') return section(text) ? std::string_view(header_) : std::string_view{};
        return key(text) ? text : std::string_view{};
    }

    bool key(std::string_view text)
    {
        above_ = Above::refused;
        const auto separator = text.find_first_of("=:");
        if (separator == std::string_view::npos) {
            // The first word only: what follows may be a password.
            refuse("no \"=\" after " + quoted(text.substr(0, text.find_first_of(" \t"))), key_wanted);
            return false;
        }
        const auto name = base::trim(text.substr(0, separator));
        if (text[separator] == ':') {
            refuse("\":\" after " + quoted(name), key_wanted);
            return false;
        }
        if (!is_word(name) || name.size() > max_name) {
            refuse(quoted(name) + " is no key", key_wanted);
            return false;
        }
        if (sections_.empty()) {
            if (!said_before_section_)
                refuse("key " + quoted(name) + " before the first section",
                       "put it below [milter] or another");
            said_before_section_ = true;
            return false;
        }
        if (!value(text.substr(separator + 1), name)) return false;
        key_ = name;
        above_ = Above::key;
        piece_ = Piece::key;
        return true;
    }

    bool continuation(std::string_view text)
    {
        if (above_ == Above::nothing)
            refuse("indented line without a key above", "start keys and sections at the left margin");
        if (above_ != Above::key) {
            above_ = Above::refused;  // said once; what continues a refused line adds nothing
            return false;
        }
        const auto equals = text.find('=');
        if (equals != std::string_view::npos && is_word(base::trim(text.substr(0, equals)))) {
            refuse(
                "indented " + quoted(text.substr(0, equals + 1)) + " continues the value of " + quoted(key_),
                "start keys at the left margin");
            return false;
        }
        if (text.front() == '[' && text.find(':') == std::string_view::npos) {
            refuse("indented section " + quoted(text), "start sections at the left margin");
            above_ = Above::refused;
            return false;
        }
        if (!value(text, key_)) return false;
        piece_ = Piece::continuation;
        return true;
    }

    // The value is never quoted back: it may be a password.
    bool value(std::string_view text, std::string_view name)
    {
        if (!looks_commented(base::trim(text))) return true;
        refuse("\"#\" or \";\" after a blank in the value of " + quoted(name),
               "put the comment on a line of its own (in a pattern write ? for the character)");
        return false;
    }

    bool section(std::string_view text)
    {
        const auto end = text.find(']');
        const auto inside = base::trim(text.substr(1, end == std::string_view::npos ? end : end - 1));
        const auto blank = inside.find_first_of(" \t");
        Section s;
        s.kind = inside.substr(0, blank);
        if (blank != std::string_view::npos) s.name = base::trim(inside.substr(blank));
        s.file = file_;
        s.line = line_;

        bool good = false;
        if (end == std::string_view::npos)
            refuse("section without \"]\"", "wanted [SECTION] or [SECTION NAME]");
        else if (!base::trim(text.substr(end + 1)).empty())
            refuse("text after \"]\"", "wanted nothing but [SECTION] or [SECTION NAME] in this line");
        else if (inside.size() > max_name)
            refuse("section name of " + std::to_string(inside.size()) + " octets",
                   "at most " + std::to_string(max_name));
        else if (!is_word(s.kind) || !is_section_name(s.name))
            refuse("section [" + base::printable(inside, 60) + "]",
                   "a name is one word of letters, digits and . _ - + @");
        else
            good = true;
        // Kept also when refused, so that the keys below are checked and do not
        // land in the section above.
        header_ = "[" + std::string(inside) + "]";
        sections_.push_back(std::move(s));
        above_ = Above::nothing;
        return good;
    }

    void add(std::string_view name, std::string_view value)
    {
        auto& entries = sections_.back().entries;
        switch (piece_) {
            case Piece::none: break;
            case Piece::key: entries.push_back({std::string(name), std::string(value), line_}); break;
            case Piece::continuation:
                if (!entries.back().value.empty()) entries.back().value += ' ';
                entries.back().value += value;
                break;
            case Piece::rest_of_line: entries.back().value += value; break;
        }
    }

    const std::string& file_;
    std::string_view rest_;     // of the file
    std::string_view pending_;  // of the line, not yet given to inih
    std::vector<base::Problem>& problems_;
    std::vector<Section> sections_;
    int line_ = 0;
    Piece piece_ = Piece::none;
    Above above_ = Above::nothing;
    std::string key_;     // when Above::key
    std::string header_;  // of the open section, as inih sees it
    bool said_before_section_ = false;
};

}  // namespace

std::string Section::at(int line_number) const { return file + ":" + std::to_string(line_number); }

std::vector<Section> parse_ini(const std::string& file, std::string_view content,
                               std::vector<base::Problem>& problems)
{
    return Reading(file, content, problems).run();
}

}  // namespace policy
