// The MIME tree of a message as octet ranges (RFC 2046).
//
// Iterative, linear in the octets, bounded by Limits.  Nothing is copied,
// decoded or repaired: what is odd is reported as a defect and the caller
// decides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mime/content_type.h"
#include "mime/header.h"

namespace mime
{

struct Limits {
    std::size_t depth = 50;
    std::size_t parts = 10'000;
    std::size_t fields = 200'000;  // header fields of all parts together
    HeaderLimits header;           // of one part
};

enum class Defect : std::uint32_t {
    missing_boundary = 1U << 0,     // multipart without a usable boundary parameter
    missing_close = 1U << 1,        // no close delimiter of its own
    no_parts = 1U << 2,             // multipart without a single delimiter
    ambiguous_boundary = 1U << 3,   // a line begins with the boundary but is no delimiter
    duplicate_type = 1U << 4,       // two Content-Type or Content-Transfer-Encoding fields
    invalid_type = 1U << 5,         // Content-Type outside the grammar, or a parameter twice
    encoded_multipart = 1U << 6,    // multipart with quoted-printable or base64 (RFC 2045 section 6.4)
    unterminated_header = 1U << 7,  // part header without its empty line
    blank_delimiter = 1U << 8,      // blanks after a delimiter (Sendmail drops them on delivery)
    spaced_colon = 1U << 9,         // "Name :" in a part header (both MTAs rewrite it)
    long_header_line = 1U << 10,    // header line over 988 octets in a part (MTAs fold it)
    limit = 1U << 11,               // depth, parts or header limit reached; not entered further
    mbox_line = 1U << 12,           // "From " before the header of a message (Sendmail drops it)
    last = mbox_line,
};

class Defects
{
public:
    void add(Defect d) { bits_ |= static_cast<std::uint32_t>(d); }
    void add(Defects other) { bits_ |= other.bits_; }
    [[nodiscard]] bool has(Defect d) const { return (bits_ & static_cast<std::uint32_t>(d)) != 0; }
    [[nodiscard]] bool any() const { return bits_ != 0; }

private:
    std::uint32_t bits_ = 0;
};

[[nodiscard]] const char* describe(Defect d);  // "no close delimiter", lower case, no stop

struct Part {
    int parent = -1;      // index into Structure::parts, -1 for the root
    int depth = 0;        // root 0; the message inside message/rfc822 is a child of that part
    std::string section;  // IMAP section path (RFC 3501 section 6.4.5); the root's is empty
    base::Octets whole;   // header (without an mbox_line), empty line and body; for a multipart's child
                         // without the CRLF before the next delimiter (RFC 2046 section 5.1.1), or at the end
                         // of everything where the close delimiter is missing.
                         // The root's is empty unless its header and body are adjacent
    base::Octets body;  // after the empty line
    Header header;      // header.body <= whole.size(), also when the empty line is at once
                        // the CRLF of the delimiter (a part without a body)
    ContentType content_type;
    std::string encoding;             // Content-Transfer-Encoding, lower case, "" when absent
    base::Octets preamble, epilogue;  // of a multipart
    Defects defects;
};

// A defect that an MTA repairs on delivery, and where: whoever repairs it like
// this changes nothing of what the parts contain.
struct Repairable {
    std::size_t part;  // index into Structure::parts
    Defect defect;
    base::Octets at;  // mbox_line, blank_delimiter: what goes.
                      // unterminated_header: empty, where the empty line is missing (a part of header only).
                      // missing_close: empty, at the start of the line that ends the multipart, or at the
                      // end of the root's body
};

struct Structure {
    std::vector<Part> parts;             // preorder; [0] is the root
    Defects defects;                     // of all parts together
    std::vector<Repairable> repairable;  // inner parts before those that hold them, where places are equal
};

// `header` and `body` of the root entity need not be adjacent.  The views of
// the result point into both.  multipart/signed is entered like any multipart,
// message/rfc822 when it is not transfer-encoded, other message types never.
// A delimiter is a whole line that ends with CRLF, blanks before that allowed;
// delimiters of an outer multipart end inner ones.  A line that begins with the
// boundary of several open multiparts belongs to the one it matches exactly.
[[nodiscard]] Structure parse_structure(const Header& header, base::Octets body, const Limits& limits = {});

// The two parts of a multipart/signed (RFC 1847 section 2.1), strictly.
struct SignedParts {
    base::Octets content;             // the digested octets: after the first delimiter line up to, not
                                      // including, the CRLF before the second delimiter
    base::Octets signature;           // the second part, header and body
    base::Octets preamble, epilogue;  // unsigned text around them, may be empty
};
enum class SplitError {
    parts,      // not exactly two parts and a close delimiter
    ambiguous,  // a line starts with the boundary but is no delimiter
    boundary,   // no usable boundary parameter
};
struct SplitResult {
    SignedParts parts;
    bool ok = false;
    SplitError error = SplitError::parts;  // when !ok
};
[[nodiscard]] SplitResult split_signed(base::Octets body, std::string_view boundary);

}  // namespace mime
