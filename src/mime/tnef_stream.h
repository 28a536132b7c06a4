// The outer form of TNEF (MS-OXTNEF section 2.1): attributes, and the MAPI properties
// that some of them hold.  Nothing is copied: all views point into the octets given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"
#include "mime/tnef_charset.h"

namespace mime
{

// Little-endian numbers from left to right.  What is not there any more reads as 0 and
// makes ok() false for good.
class TnefReader
{
public:
    explicit TnefReader(base::Octets octets) : rest_(octets) {}

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] base::Octets rest() const { return rest_; }
    [[nodiscard]] std::uint32_t number(std::size_t octets);  // at most 4
    [[nodiscard]] base::Octets take(std::size_t octets);
    [[nodiscard]] base::Octets take_padded(std::size_t octets);  // and what fills up to a multiple of 4

private:
    base::Octets rest_;
    bool ok_ = true;
};

struct TnefAttribute {
    // The low half of an attribute's number; the other one is the type of its data, which
    // not all programs fill in.
    enum : std::uint16_t {
        from = 0x8000,
        subject = 0x8004,
        message_class = 0x8008,
        message_id = 0x8009,
        body = 0x800c,
        attach_data = 0x800f,
        attach_title = 0x8010,
        attach_rendering = 0x9002,
        properties = 0x9003,
        recipients = 0x9004,
        attach_properties = 0x9005,
        code_page = 0x9007,
    };
    bool of_attachment = false;
    std::uint16_t id = 0;
    base::Octets data;
};

// Every attribute, with its checksum compared.  Up to eight octets after the last one,
// too few for another, are let pass.  The error is one lower-case phrase.
[[nodiscard]] tl::expected<std::vector<TnefAttribute>, std::string> tnef_attributes(base::Octets octets);

// One property set: of the message, of an attachment or of a recipient.
class MapiProperties
{
public:
    struct Property {
        std::uint16_t type = 0;  // without the bit for several values
        std::uint16_t id = 0;
        base::Octets set;           // 16 octets of a named property, else empty
        std::uint32_t name_id = 0;  // its number there, 0 when it has a textual name
        base::Octets value;         // the only one; of several, the first
    };

    // `budget`: properties that may be read; what has been is taken off.  The reader is
    // left behind the set.
    [[nodiscard]] static tl::expected<MapiProperties, std::string> read(TnefReader& in, std::size_t& budget);

    [[nodiscard]] const Property* find(std::uint16_t id) const;
    [[nodiscard]] const Property* find(base::Octets set, std::uint32_t name_id) const;

    [[nodiscard]] static std::optional<std::uint32_t> number(const Property* p);  // also of a Boolean
    [[nodiscard]] static std::optional<base::Time> time(const Property* p);
    [[nodiscard]] static std::optional<base::Octets> binary(
        const Property* p);  // or an object, with its GUID
    // As UTF-8, without the final NUL; nullopt when there is none, or it is not in `code_page`.
    [[nodiscard]] static std::optional<std::string> text(const Property* p, CodePages& pages,
                                                         unsigned code_page);
    [[nodiscard]] static bool is_text(const Property* p);

private:
    std::vector<Property> properties_;
};

// Property sets by name (MS-OXPROPS section 1.3.2).
namespace property_set
{
inline constexpr base::Octets appointment("\x02\x20\x06\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", 16);
inline constexpr base::Octets common("\x08\x20\x06\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", 16);
inline constexpr base::Octets meeting("\x90\xda\xd8\x6e\x0b\x45\x1b\x10\x98\xda\0\xaa\0\x3f\x13\x05", 16);
}  // namespace property_set

// Octets of a text without what is behind its NUL.
[[nodiscard]] base::Octets without_nul(base::Octets text);

}  // namespace mime
