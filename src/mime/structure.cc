#include "mime/structure.h"

#include <algorithm>
#include <utility>

#include "mime/boundary.h"
#include "mime/part_header.h"

namespace mime
{
namespace
{

constexpr auto npos = base::Octets::npos;

// An entity whose end has not been seen yet.
struct Open {
    enum class State { preamble, parts, epilogue };
    std::size_t part;      // index into the result
    std::string boundary;  // "--" and the boundary of a multipart that is entered, else empty
    State state = State::preamble;
    std::size_t epilogue = 0;    // where it begins
    std::size_t header_end = 0;  // past its last field
    int children = 0;

    [[nodiscard]] bool is_multipart() const { return !boundary.empty(); }
};

// Goes over the body once, from line start to line start.  The stack of open
// entities is no deeper than Limits::depth, which bounds the work for a line.
// Offsets count from the start of the root's body.
class Walk
{
public:
    Walk(base::Octets body, const Limits& limits) : body_(body), limits_(limits), fields_left_(limits.fields)
    {
    }

    Structure run(const Header& header)
    {
        std::size_t at = enter_root(header);
        while (at < body_.size()) {
            Delimiter found;
            const std::size_t owner = match(at, found);
            if (owner != none) {
                at = pass_delimiter(at, found, owner);
                continue;
            }
            const std::size_t lf = body_.find("\n--", at);
            if (lf == npos) break;
            at = lf + 1;
        }
        end();
        for (const Part& p : out_.parts) out_.defects.add(p.defects);
        return std::move(out_);
    }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    // The open multipart whose delimiter stands at this line start.  Others
    // whose boundary the line begins with are marked, unless the one that
    // matches explains it by a longer boundary.
    std::size_t match(std::size_t at, Delimiter& found)
    {
        if (!body_.substr(at, 2).starts_with("--")) return none;
        std::size_t owner = none;
        others_.clear();
        for (std::size_t i = open_.size(); i-- > 0;) {
            if (!open_[i].is_multipart()) continue;
            const Delimiter d = delimiter_at(body_, at, open_[i].boundary);
            if (d.kind == Delimiter::Kind::none) continue;
            if (owner == none && d.exact() && open_[i].state != Open::State::epilogue) {
                owner = i;
                found = d;
            } else {
                others_.push_back({i, d.exact()});
            }
        }
        for (const auto& [i, exact] : others_) {
            const bool explained =
                owner != none && !exact && open_[i].boundary.size() < open_[owner].boundary.size();
            if (!explained) out_.parts[open_[i].part].defects.add(Defect::ambiguous_boundary);
        }
        return owner;
    }

    // Ends what the delimiter ends; returns the line start to go on from.
    std::size_t pass_delimiter(std::size_t at, const Delimiter& found, std::size_t owner)
    {
        const std::size_t end = at >= 2 ? at - 2 : 0;  // the CRLF before it is its own
        close_from(owner + 1, end, at);
        Open& open = open_[owner];
        Part& part = out_.parts[open.part];
        if (found.blanks) {
            std::size_t blanks = at + open.boundary.size(), after = found.next;
            if (found.kind == Delimiter::Kind::close) blanks += 2;
            if (body_.substr(0, after).ends_with("\r\n")) after -= 2;
            note(open.part, Defect::blank_delimiter, range(blanks, after));
        }
        if (open.state == Open::State::preamble) part.preamble = range(offset(part.body), end);
        if (found.kind == Delimiter::Kind::close) {
            if (open.children == 0) part.defects.add(Defect::no_parts);
            open.state = Open::State::epilogue;
            open.epilogue = found.next;
            return found.next;
        }
        open.state = Open::State::parts;
        return enter(found.next, open.part, ++open.children);
    }

    std::size_t enter_root(const Header& header)
    {
        Part root;
        root.header = header;
        root.body = body_.substr(0, 0);
        read_part_header(root, {}, true);
        return push(std::move(root)) && !is_end(0) ? enter(0, 0, 1) : 0;
    }

    // Adds the entity at `at`, and the message in it, and the one in that.
    // Returns where the body of the last one begins.
    std::size_t enter(std::size_t at, std::size_t parent, int ordinal)
    {
        while (true) {
            if (out_.parts.size() >= limits_.parts) {
                out_.parts[parent].defects.add(Defect::limit);
                return at;
            }
            const bool in_message = !out_.parts[parent].content_type.is_multipart();
            const std::size_t mbox = in_message ? mbox_line_at(at) : 0;
            at += mbox;
            const base::Octets block = body_.substr(at, header_end(at) - at);
            HeaderLimits header_limits = limits_.header;
            header_limits.fields = std::min(header_limits.fields, fields_left_);
            const Part& above = out_.parts[parent];
            ContentType default_type;
            if (above.content_type.is("multipart", "digest")) default_type = {"message", "rfc822", {}};
            Part part;
            part.parent = static_cast<int>(parent);
            part.depth = above.depth + 1;
            part.header = parse_header(block, header_limits);
            fields_left_ -= part.header.fields.size();
            part.whole = body_.substr(at, 0);
            part.body = body_.substr(at + part.header.body, 0);
            read_part_header(part, default_type, false);
            part.section = section_of(above, ordinal, part.content_type.is_multipart());
            const std::size_t end_of_header = at + block.size();
            if (mbox > 0) part.defects.add(Defect::mbox_line);
            const base::Octets mbox_line = body_.substr(at - mbox, mbox);
            at += part.header.body;
            parent = out_.parts.size();
            ordinal = 1;
            const bool message = push(std::move(part));
            open_.back().header_end = end_of_header;
            if (mbox > 0) note(parent, Defect::mbox_line, mbox_line);
            if (!message || is_end(at)) return at;
        }
    }

    // Puts it on the stack; true: a message in it is to be entered.
    bool push(Part part)
    {
        const bool identity = is_identity_encoding(part.encoding);
        const bool message = part.content_type.is("message", "rfc822") && identity;
        Open open;
        open.part = out_.parts.size();
        bool may_enter = !part.header.over_limit;
        if ((message || part.content_type.is_multipart()) &&
            static_cast<std::size_t>(part.depth) >= limits_.depth) {
            part.defects.add(Defect::limit);
            may_enter = false;
        }
        if (part.content_type.is_multipart()) {
            const std::string* boundary = part.content_type.parameter("boundary");
            if (!identity)
                part.defects.add(Defect::encoded_multipart);
            else if (boundary == nullptr || !is_usable_boundary(*boundary))
                part.defects.add(Defect::missing_boundary);
            else if (may_enter)
                open.boundary = "--" + *boundary;
        }
        out_.parts.push_back(std::move(part));
        open_.push_back(std::move(open));
        return message && may_enter;
    }

    // A message that is empty has no header to be missed.
    bool is_end(std::size_t at)
    {
        Delimiter ignored;
        return at >= body_.size() || match(at, ignored) != none;
    }

    // How long the line is that mbox software has left before a message's header.
    [[nodiscard]] std::size_t mbox_line_at(std::size_t at) const
    {
        if (!body_.substr(at, 5).starts_with("From ")) return 0;
        const std::size_t end = body_.find("\r\n", at);
        return end == npos ? 0 : end + 2 - at;
    }

    void note(std::size_t part, Defect defect, base::Octets at)
    {
        out_.parts[part].defects.add(defect);
        out_.repairable.push_back({part, defect, at});
    }

    // A header that starts at `at` reaches at most to here: past the first empty
    // line, or to the delimiter that comes before one.
    std::size_t header_end(std::size_t at)
    {
        while (!is_end(at)) {
            const std::size_t lf = body_.find('\n', at);
            if (lf == npos) return body_.size();
            const base::Octets line = body_.substr(at, lf - at);
            at = lf + 1;
            if (line.empty() || line == "\r") break;
        }
        return at;
    }

    // RFC 3501 section 6.4.5: parts are numbered within their multipart; a
    // message hands its number to the multipart in it, and anything else in it
    // is its part 1.
    static std::string section_of(const Part& above, int ordinal, bool multipart)
    {
        const bool in_message = !above.content_type.is_multipart();
        std::string prefix = above.section.empty() && in_message ? "1" : above.section;
        if (in_message && multipart) return prefix;
        return (prefix.empty() ? "" : prefix + ".") + std::to_string(ordinal);
    }

    // What a multipart without close delimiter contains ends before the last line
    // end, which readers, and Sendmail, take for that of the delimiter.
    void end()
    {
        const std::size_t size = body_.size();
        std::size_t unclosed = 0;
        while (unclosed < open_.size() &&
               !(open_[unclosed].is_multipart() && open_[unclosed].state == Open::State::parts))
            ++unclosed;
        close_from(unclosed + 1, body_.ends_with("\r\n") ? size - 2 : size, size);
        close_from(0, size, size);
    }

    // All entities from this place of the stack on end at `end`, before the line at `line`.
    void close_from(std::size_t index, std::size_t end, std::size_t line)
    {
        for (; open_.size() > index; open_.pop_back()) {
            const Open& open = open_.back();
            Part& part = out_.parts[open.part];
            if (part.parent < 0) {
                part.body = body_;
                const char* begin = part.header.block.data();
                if (begin != nullptr && begin + part.header.body == body_.data())
                    part.whole = {begin, part.header.body + body_.size()};
            } else {
                // The CRLF of the empty line may at once be that of the delimiter.
                part.whole = range(offset(part.whole), end);
                part.header.body = std::min(part.header.body, part.whole.size());
                part.body = part.whole.substr(part.header.body);
            }
            const auto& header = part.header;
            // Not where two delimiters follow each other: readers take those for one.
            if (part.parent >= 0 && part.defects.has(Defect::unterminated_header) && !header.junk &&
                !header.over_limit && !header.fields.empty() && part.body.empty())
                note(open.part, Defect::unterminated_header, range(open.header_end, open.header_end));
            if (!open.is_multipart()) continue;
            if (open.state == Open::State::epilogue)
                part.epilogue = range(open.epilogue, end);
            else
                note(open.part, Defect::missing_close, range(line, line));
            if (open.state == Open::State::preamble) {
                part.preamble = part.body;
                part.defects.add(Defect::no_parts);
            }
        }
    }

    [[nodiscard]] std::size_t offset(base::Octets part) const
    {
        return static_cast<std::size_t>(part.data() - body_.data());
    }
    [[nodiscard]] base::Octets range(std::size_t begin, std::size_t end) const
    {
        return body_.substr(begin, std::max(begin, end) - begin);
    }

    base::Octets body_;
    const Limits& limits_;
    std::size_t fields_left_;
    Structure out_;
    std::vector<Open> open_;
    std::vector<std::pair<std::size_t, bool>> others_;  // scratch of match(): who, and whether exactly
};

}  // namespace

const char* describe(Defect d)
{
    switch (d) {
        case Defect::missing_boundary: return "no usable boundary parameter";
        case Defect::missing_close: return "no close delimiter";
        case Defect::no_parts: return "no delimiter at all";
        case Defect::ambiguous_boundary: return "a line begins with the boundary but is no delimiter";
        case Defect::duplicate_type: return "two Content-Type or Content-Transfer-Encoding fields";
        case Defect::invalid_type: return "malformed Content-Type";
        case Defect::encoded_multipart: return "transfer-encoded multipart";
        case Defect::unterminated_header: return "no empty line after the header";
        case Defect::blank_delimiter: return "blanks after a delimiter";
        case Defect::spaced_colon: return "blank before the colon of a header field";
        case Defect::long_header_line: return "header line over 988 octets";
        case Defect::limit: return "nesting, parts or header over the limit";
        case Defect::mbox_line: return "an mbox \"From \" line before the header";
    }
    return "unknown defect";
}

Structure parse_structure(const Header& header, base::Octets body, const Limits& limits)
{
    return Walk(body, limits).run(header);
}

}  // namespace mime
