#include "mime/tnef_stream.h"

#include <algorithm>

namespace mime
{
namespace
{

constexpr std::uint32_t signature = 0x223e9f78;

enum Type : std::uint16_t {
    type_short = 0x0002,
    type_long = 0x0003,
    type_float = 0x0004,
    type_double = 0x0005,
    type_currency = 0x0006,
    type_application_time = 0x0007,
    type_error = 0x000a,
    type_boolean = 0x000b,
    type_object = 0x000d,
    type_long_long = 0x0014,
    type_string8 = 0x001e,
    type_unicode = 0x001f,
    type_time = 0x0040,
    type_guid = 0x0048,
    type_binary = 0x0102,
    several_values = 0x1000,
};

// Octets of a value of fixed size with its padding; 0: the size stands before it.
std::optional<std::size_t> size_of(std::uint16_t type)
{
    switch (type) {
        case type_short:
        case type_long:
        case type_float:
        case type_error:
        case type_boolean: return 4;
        case type_double:
        case type_currency:
        case type_application_time:
        case type_long_long:
        case type_time: return 8;
        case type_guid: return 16;
        case type_object:
        case type_string8:
        case type_unicode:
        case type_binary: return 0;
        default: return std::nullopt;
    }
}

std::uint64_t little_endian(base::Octets octets)
{
    std::uint64_t value = 0;
    for (std::size_t i = octets.size(); i > 0; --i)
        value = value << 8U | static_cast<unsigned char>(octets[i - 1]);
    return value;
}

bool checksum_holds(base::Octets data, std::uint32_t checksum)
{
    std::uint32_t sum = 0;
    for (const char c : data) sum += static_cast<unsigned char>(c);
    return (sum & 0xffffU) == checksum;
}

}  // namespace

std::uint32_t TnefReader::number(std::size_t octets)
{
    return static_cast<std::uint32_t>(little_endian(take(octets)));
}

base::Octets TnefReader::take(std::size_t octets)
{
    if (octets > rest_.size()) {
        ok_ = false;
        rest_ = {};
        return {};
    }
    const auto taken = rest_.substr(0, octets);
    rest_.remove_prefix(octets);
    return taken;
}

base::Octets TnefReader::take_padded(std::size_t octets)
{
    const auto taken = take(octets);
    // The last value of a set often comes without.
    rest_.remove_prefix(std::min(rest_.size(), (4 - octets % 4) % 4));
    return taken;
}

tl::expected<std::vector<TnefAttribute>, std::string> tnef_attributes(base::Octets octets)
{
    constexpr std::size_t header = 9, most = 100'000;
    TnefReader in(octets);
    if (in.number(4) != signature) return tl::make_unexpected("it does not begin like TNEF");
    static_cast<void>(in.number(2));  // a key, of no use to us
    std::vector<TnefAttribute> out;
    while (in.rest().size() >= header) {
        TnefAttribute a;
        const auto level = in.number(1);
        a.id = static_cast<std::uint16_t>(in.number(2));
        static_cast<void>(in.number(2));
        const auto size = in.number(4);
        a.data = in.take(size);
        const auto checksum = in.number(2);
        if (level != 1 && level != 2) return tl::make_unexpected("an attribute of no known level");
        if (!in.ok()) return tl::make_unexpected("an attribute is cut off");
        if (!checksum_holds(a.data, checksum))
            return tl::make_unexpected("the checksum of an attribute is wrong");
        if (out.size() == most) return tl::make_unexpected("too many attributes");
        a.of_attachment = level == 2;
        out.push_back(a);
    }
    return out;
}

tl::expected<MapiProperties, std::string> MapiProperties::read(TnefReader& in, std::size_t& budget)
{
    const auto broken = [] { return tl::make_unexpected(std::string("properties are cut off")); };
    MapiProperties out;
    const auto count = in.number(4);
    for (std::uint32_t i = 0; i < count; ++i) {
        if (budget-- == 0) {
            budget = 0;
            return tl::make_unexpected("too many properties");
        }
        Property p;
        const auto type = static_cast<std::uint16_t>(in.number(2));
        p.type = type & ~several_values;
        p.id = static_cast<std::uint16_t>(in.number(2));
        if (p.id >= 0x8000) {
            p.set = in.take(16);
            if (in.number(4) == 0)
                p.name_id = in.number(4);
            else
                static_cast<void>(in.take_padded(in.number(4)));
        }
        if (!in.ok()) return broken();
        const auto size = size_of(p.type);
        if (!size) return tl::make_unexpected("a property of no known type");
        const bool counted = *size == 0 || (type & several_values) != 0;
        const std::uint32_t values = counted ? in.number(4) : 1;
        for (std::uint32_t v = 0; v < values && in.ok(); ++v) {
            const auto value = *size > 0 ? in.take(*size) : in.take_padded(in.number(4));
            if (v == 0) p.value = value;
        }
        if (!in.ok()) return broken();
        out.properties_.push_back(p);
    }
    if (!in.ok()) return broken();
    return out;
}

const MapiProperties::Property* MapiProperties::find(std::uint16_t id) const
{
    const auto at = std::find_if(properties_.begin(), properties_.end(),
                                 [&](const Property& p) { return p.id == id && p.set.empty(); });
    return at == properties_.end() ? nullptr : &*at;
}

const MapiProperties::Property* MapiProperties::find(base::Octets set, std::uint32_t name_id) const
{
    const auto at = std::find_if(properties_.begin(), properties_.end(),
                                 [&](const Property& p) { return p.name_id == name_id && p.set == set; });
    return at == properties_.end() ? nullptr : &*at;
}

std::optional<std::uint32_t> MapiProperties::number(const Property* p)
{
    if (p == nullptr || p->value.size() != 4) return std::nullopt;
    if (p->type == type_long) return static_cast<std::uint32_t>(little_endian(p->value));
    if (p->type == type_short || p->type == type_boolean)
        return static_cast<std::uint32_t>(little_endian(p->value.substr(0, 2)));
    return std::nullopt;
}

// In units of 100 ns since 1601-01-01 (MS-DTYP section 2.3.3).
std::optional<base::Time> MapiProperties::time(const Property* p)
{
    constexpr std::uint64_t in_a_second = 10'000'000, until_1970 = 11'644'473'600,
                            until_10000 = 265'046'774'400;
    if (p == nullptr || p->type != type_time || p->value.size() != 8) return std::nullopt;
    const std::uint64_t seconds = little_endian(p->value) / in_a_second;
    if (seconds < until_1970 || seconds >= until_10000) return std::nullopt;
    return base::Time(std::chrono::seconds(seconds - until_1970));
}

std::optional<base::Octets> MapiProperties::binary(const Property* p)
{
    if (p == nullptr || (p->type != type_binary && p->type != type_object)) return std::nullopt;
    return p->value;
}

bool MapiProperties::is_text(const Property* p)
{
    return p != nullptr && (p->type == type_unicode || p->type == type_string8);
}

std::optional<std::string> MapiProperties::text(const Property* p, CodePages& pages, unsigned code_page)
{
    if (!is_text(p)) return std::nullopt;
    if (p->type == type_string8) return pages.utf8(without_nul(p->value), code_page);
    auto out = utf8_of_utf16(p->value);
    out.resize(std::min(out.find('\0'), out.size()));
    return out;
}

base::Octets without_nul(base::Octets text) { return text.substr(0, text.find('\0')); }

}  // namespace mime
