#include "mime/transform.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "mime/ascii_field.h"
#include "mime/codec.h"
#include "mime/part_header.h"
#include "mime/transport.h"

namespace mime
{
namespace
{

// Replacements in a run of octets.
class Splice
{
public:
    explicit Splice(base::Octets source) : source_(source) {}

    // `range` lies in the source; an empty one inserts.
    void replace(base::Octets range, std::string text)
    {
        edits_.push_back(
            {static_cast<std::size_t>(range.data() - source_.data()), range.size(), std::move(text)});
    }
    [[nodiscard]] bool any() const { return !edits_.empty(); }

    [[nodiscard]] std::vector<Piece> pieces() &&
    {
        std::stable_sort(edits_.begin(), edits_.end(),
                         [](const Edit& a, const Edit& b) { return a.at < b.at; });
        std::vector<Piece> out;
        std::size_t at = 0;
        for (Edit& edit : edits_) {
            if (edit.at > at) out.emplace_back(source_.substr(at, edit.at - at));
            if (!edit.text.empty()) out.emplace_back(std::move(edit.text));
            at = edit.at + edit.length;
        }
        if (at < source_.size()) out.emplace_back(source_.substr(at));
        return out;
    }

private:
    struct Edit {
        std::size_t at, length;
        std::string text;
    };
    base::Octets source_;
    std::vector<Edit> edits_;
};

// Somebody's signature or encryption (RFC 1847 section 2.1: opaque for everybody else).
bool is_protected(const ContentType& type)
{
    return type.is("multipart", "signed") || type.is("multipart", "encrypted") ||
           (type.type == "application" &&
            (type.subtype == "pkcs7-mime" || type.subtype == "x-pkcs7-mime" ||
             type.subtype == "pkcs7-signature" || type.subtype == "x-pkcs7-signature"));
}

// RFC 6532 section 3.7 and RFC 6533 let these be encoded, unlike other messages.
bool is_encodable_message(const ContentType& type)
{
    return type.type == "message" &&
           (type.subtype == "global" || type.subtype == "global-headers" ||
            type.subtype == "global-delivery-status" || type.subtype == "global-disposition-notification");
}

bool is_labelled_eight_bit(const Part& part) { return part.encoding == "8bit" || part.encoding == "binary"; }

// Text of which quoted-printable would be more than 1.4 times as long as base64
// (line breaks of neither counted), or that is text only by name.
bool suits_base64(const ContentType& type, base::Octets text)
{
    if (const auto* charset = type.parameter("charset"))
        if (base::istarts_with(*charset, "utf-16") || base::istarts_with(*charset, "utf-32")) return true;
    std::size_t quoted = 0;
    for (const char c : text) {
        if (c == '\0') return true;
        const bool plain = (c >= ' ' && c <= '~' && c != '=') || c == '\t' || c == '\r' || c == '\n';
        quoted += plain ? 0U : 1U;
    }
    return (text.size() + 2 * quoted) * 15 > text.size() * 28;
}

// Base64 whose lines are too long or oddly ended, and nothing else is wrong with it.
std::optional<std::string> rewrapped(base::Octets text)
{
    const auto octets = base64_decode(text);
    if (!octets) return std::nullopt;
    auto lines = base64_lines(*octets);
    if (base64_decode(lines) != octets) return std::nullopt;
    return lines;
}

// Quoted-printable with raw 8-bit octets, which decoders let pass, and nothing else
// wrong with it.
std::optional<std::string> escaped(base::Octets text)
{
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto value = static_cast<unsigned char>(text[i]);
        if (value < 0x80) {
            out += text[i];
            continue;
        }
        if ((i > 0 && text[i - 1] == '=') || (i > 1 && text[i - 2] == '=')) return std::nullopt;
        out += {'=', digits[value >> 4U], digits[value & 15U]};
    }
    const auto before = quoted_printable_decode(text);
    if (!before || quoted_printable_decode(out) != before || octet_hazard(out)) return std::nullopt;
    return out;
}

// A field of a part in ASCII and in lines that are short enough; nullopt when
// that would change what it says.
std::optional<std::string> safe_field(const Field& field)
{
    const bool ascii = std::none_of(field.raw.begin(), field.raw.end(),
                                    [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    auto text = ascii ? std::string(field.raw) : ascii_field(field);
    if (text && octet_hazard(*text)) text = folded(*text);
    if (!text || octet_hazard(*text)) return std::nullopt;
    return text;
}

// A Content-Type outside the grammar that somebody else may read as a container.
bool may_be_container(const Part& part)
{
    if (part.content_type.valid || part.content_type.is_multipart() || part.content_type.type == "message")
        return false;
    const Field* field = part.header.find("Content-Type");
    if (field == nullptr) return false;
    const std::string value = base::to_lower(field->value);
    return value.find("multipart") != std::string::npos || value.find("message/") != std::string::npos;
}

constexpr const char* without_parts = "a multipart without parts";

class Transform
{
public:
    Transform(const Structure& structure, Known known)
        : parts_(structure.parts),
          repairable_(structure.repairable),
          clean_(known == Known::no_hazard),
          header_(parts_.front().header.block),
          body_(parts_.front().body),
          guards_(parts_.size(), nullptr)
    {
    }

    tl::expected<SevenBit, std::string> run()
    {
        for (std::size_t i = 0; i < parts_.size() && !refusal_; ++i) part(i);
        for (auto it = repairable_.begin(); it != repairable_.end() && !refusal_; ++it) repair(*it);
        if (refusal_) return tl::make_unexpected(std::move(*refusal_));
        SevenBit out;
        out.encoded = encoded_;
        out.changed = header_.any() || body_.any();
        for (const Piece& piece : std::move(header_).pieces()) out.header += octets_of(piece);
        out.header += "\r\n";
        out.body = std::move(body_).pieces();
        // The last word: not one octet leaves that was not looked at.
        if (clean_ && !out.changed) return out;
        for (const Piece& piece : out.body)
            if (const auto hazard = octet_hazard(octets_of(piece)))
                return tl::make_unexpected(*hazard + " in the body, outside of its parts");
        return out;
    }

private:
    void refuse(std::string what, const Part& p, const char* guard = nullptr)
    {
        refusal_ = std::move(what) + " in " + place(p);
        if (guard != nullptr) *refusal_ += std::string(", ") + guard;
    }

    void part(std::size_t i)
    {
        const Part& p = parts_[i];
        if (p.parent >= 0) guards_[i] = guards_[static_cast<std::size_t>(p.parent)];
        if (guards_[i] != nullptr) {  // its octets were looked at with those of the part that holds it
            label(p, guards_[i]);
            return;
        }
        guards_[i] = guard_of(p);
        const char* guard = is_protected(p.content_type) ? guards_[i] : nullptr;  // of its header
        fields(p, guard);
        if (refusal_) return;
        if (guards_[i] == nullptr && p.content_type.is_multipart()) {
            text_around(p);
            label(p, guard);
        } else if (is_entered_message(i)) {
            label(p, guard);
        } else {
            leaf(p, guard, guards_[i]);
        }
    }

    // Why what is in this part must not be changed; nullptr when it may.
    static const char* guard_of(const Part& p)
    {
        if (is_protected(p.content_type)) return "which is signed or encrypted";
        if (!p.content_type.is_multipart()) return nullptr;
        if (p.defects.has(Defect::encoded_multipart)) return "a transfer-encoded multipart";
        if (p.defects.has(Defect::missing_boundary)) return "a multipart without a usable boundary";
        if (p.defects.has(Defect::no_parts)) return without_parts;
        if (p.defects.has(Defect::ambiguous_boundary)) return "a multipart with an ambiguous boundary";
        if (p.content_type.duplicate_parameter) return "a multipart with a parameter twice";
        return nullptr;
    }

    [[nodiscard]] bool is_entered_message(std::size_t i) const
    {
        return i + 1 < parts_.size() && parts_[i + 1].parent == static_cast<int>(i) &&
               !parts_[i].content_type.is_multipart();
    }

    void fields(const Part& p, const char* guard)
    {
        for (const Field& f : p.header.fields) {
            if (p.parent < 0 && !base::istarts_with(f.name, "Content-")) continue;
            const auto hazard = octet_hazard(f.raw);
            if (!hazard) continue;
            auto ascii = guard == nullptr ? safe_field(f) : std::nullopt;
            if (!ascii) {
                refuse(*hazard + " in the field " + std::string(f.name), p, guard);
                if (p.parent < 0) refusal_ = *hazard + " in the field " + std::string(f.name);
                return;
            }
            splice(p).replace(f.raw, std::move(*ascii));
        }
    }

    // What MTAs would repair on delivery, before it is signed.
    void repair(const Repairable& r)
    {
        const Part& p = parts_[r.part];
        const char* guard = guards_[r.part];
        if (guard != nullptr && guard != without_parts) return refuse(describe(r.defect), p, guard);
        std::string text;
        if (r.defect == Defect::unterminated_header) {
            // At the end of everything the last field may have no line end either.
            const base::Octets block = p.header.block;
            text = block.ends_with("\r\n") ? "\r\n" : "\r\n\r\n";
        } else if (r.defect == Defect::missing_close) {
            const base::Octets body = parts_.front().body;
            const bool on_a_line =
                !is_end(r.at) || end_is_repaired_ || body.empty() || body.ends_with("\r\n");
            text = on_a_line ? "--" : "\r\n--";
            text += *p.content_type.parameter("boundary") + "--\r\n";
        }
        end_is_repaired_ = end_is_repaired_ || is_end(r.at);
        body_.replace(r.at, std::move(text));
    }

    [[nodiscard]] bool is_end(base::Octets place) const
    {
        const base::Octets body = parts_.front().body;
        return place.data() == body.data() + body.size();
    }

    void text_around(const Part& p)
    {
        for (const base::Octets text : {p.preamble, p.epilogue})
            if (octet_hazard(text)) body_.replace(text, "");
    }

    // What says 8bit and, by now, is not.
    void label(const Part& p, const char* guard)
    {
        if (is_labelled_eight_bit(p))
            set_encoding(p, "7bit", guard, "Content-Transfer-Encoding " + p.encoding);
    }

    void leaf(const Part& p, const char* guard, const char* content_guard)
    {
        const bool identity = is_identity_encoding(p.encoding);
        // Parts end where lines end: what the whole does not have, none of them has.
        auto hazard = clean_ ? std::nullopt : octet_hazard(p.body);
        const char* fragile = nullptr;
        if (!hazard && content_guard == nullptr && identity && p.content_type.type == "text" &&
            !p.defects.has(Defect::duplicate_type) && !may_be_container(p))
            fragile = fragile_text(p.body);
        if (!hazard && fragile == nullptr) {
            label(p, guard);
            return;
        }
        if (hazard && content_guard == nullptr)
            if (auto mended = p.encoding == "base64"             ? rewrapped(p.body)
                              : p.encoding == "quoted-printable" ? escaped(p.body)
                                                                 : std::nullopt) {
                body_.replace(p.body, std::move(*mended));
                return;
            }
        if (hazard && *hazard == "8-bit octets" && p.content_type.type == "text") hazard = "8-bit text";
        const bool message = p.content_type.type == "message" && !is_encodable_message(p.content_type);
        if (content_guard != nullptr)
            refuse(*hazard, p, content_guard);
        else if (!identity)
            refuse(*hazard, p, "which is encoded already");
        else if (message)
            refuse(*hazard, p, "which must not be encoded");
        else if (may_be_container(p))
            refuse(*hazard, p, "of malformed Content-Type");
        else
            encode(p, hazard ? *hazard : fragile);
    }

    void encode(const Part& p, std::string why)
    {
        const bool quote = p.content_type.type == "text" && !suits_base64(p.content_type, p.body);
        const char* encoding = quote ? "quoted-printable" : "base64";
        std::string text = quote ? quoted_printable_lines(p.body) : base64_lines(p.body);
        if (!(quote ? is_quoted_printable_of(text, p.body) : base64_decode(text) == p.body)) {
            refuse("octets that change when they are encoded", p);
            return;
        }
        set_encoding(p, encoding, nullptr, std::move(why));
        body_.replace(p.body, std::move(text));
        ++encoded_;
    }

    // In place, else as the last field.
    void set_encoding(const Part& p, const std::string& encoding, const char* guard, std::string why)
    {
        if (guard == nullptr && p.defects.has(Defect::duplicate_type))
            guard = "whose header has fields twice";
        if (guard != nullptr) {
            refuse(std::move(why), p, guard);
            return;
        }
        if (const Field* field = p.header.find("Content-Transfer-Encoding"))
            splice(p).replace(field->value, " " + encoding);
        else
            splice(p).replace(p.header.block.substr(p.header.block.size()),
                              "Content-Transfer-Encoding: " + encoding + "\r\n");
    }

    Splice& splice(const Part& p) { return p.parent < 0 ? header_ : body_; }

    const std::vector<Part>& parts_;
    const std::vector<Repairable>& repairable_;
    const bool clean_;  // nothing in the body does not travel
    Splice header_, body_;
    std::vector<const char*> guards_;  // of what is in the part
    std::optional<std::string> refusal_;
    bool end_is_repaired_ = false;  // what was put there ends with a line end
    int encoded_ = 0;
};

}  // namespace

base::Octets octets_of(const Piece& piece)
{
    return std::visit([](const auto& octets) { return base::Octets(octets); }, piece);
}

tl::expected<SevenBit, std::string> to_seven_bit(const Structure& structure, Known known)
{
    if (auto reason = repair_hazard(structure)) return tl::make_unexpected(std::move(*reason));
    if (structure.parts.front().defects.has(Defect::duplicate_type))
        return tl::make_unexpected(std::string(describe(Defect::duplicate_type)));
    return Transform(structure, known).run();
}

}  // namespace mime
