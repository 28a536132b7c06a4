// Private to cms/: a small reader and writer for BER and DER (X.690).
//
// The reader looks at untrusted octets before OpenSSL does: it copies nothing,
// does not recurse and takes linear time.  It knows nothing of types beyond
// their tags.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"

namespace cms::der
{

// Identifier octets of low tag numbers, as they are on the wire.
inline constexpr unsigned char integer = 0x02;
inline constexpr unsigned char bit_string = 0x03;
inline constexpr unsigned char octet_string = 0x04;
inline constexpr unsigned char null = 0x05;
inline constexpr unsigned char object_identifier = 0x06;
inline constexpr unsigned char utc_time = 0x17;
inline constexpr unsigned char generalized_time = 0x18;
inline constexpr unsigned char sequence = 0x30;
inline constexpr unsigned char set = 0x31;
inline constexpr unsigned char context(unsigned number) { return static_cast<unsigned char>(0xa0 | number); }

struct Element {
    unsigned char tag = 0;  // first identifier octet
    base::Octets body;      // contents, without the end-of-contents of an indefinite length
    std::size_t size = 0;   // of the whole element, header and end-of-contents included
    base::Octets whole;     // as it stands there
};

// Takes elements off the front of octets.
class Reader
{
public:
    explicit Reader(base::Octets octets) : rest_(octets) {}

    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] base::Octets rest() const { return rest_; }
    [[nodiscard]] std::optional<Element> peek() const;
    // nullopt: truncated or malformed; the reader does not move then.
    std::optional<Element> next();
    // nullopt as well when the next element has another tag.
    std::optional<Element> next(unsigned char tag);

private:
    base::Octets rest_;
};

// How many elements there are, at most limit + 1; nullopt when malformed.
[[nodiscard]] std::optional<std::size_t> count(base::Octets body, std::size_t limit);

// How many elements there are at all depths, those within OCTET STRINGs too: of how many a
// parser might make objects.  nullopt: not DER (X.690 section 10), or nested deeper than
// anything of X.509; within OCTET STRINGs, which may hold anything, that counts as nothing.
[[nodiscard]] std::optional<std::size_t> count_all(base::Octets octets);

// A non-negative INTEGER that fits.
[[nodiscard]] std::optional<std::uint64_t> unsigned_value(const Element& e);

// --- writing (DER, definite lengths) ---
[[nodiscard]] std::string header(unsigned char tag, std::size_t size);
[[nodiscard]] std::string wrap(unsigned char tag, base::Octets body);
[[nodiscard]] std::string wrap(unsigned char tag, std::initializer_list<base::Octets> parts);
[[nodiscard]] std::string small_integer(unsigned value);
// SET OF: sorted by their encodings (X.690 section 11.6).
[[nodiscard]] std::string set_of(unsigned char tag, std::vector<std::string> elements);

}  // namespace cms::der
