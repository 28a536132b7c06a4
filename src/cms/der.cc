#include "cms/der.h"

#include <algorithm>

namespace cms::der
{
namespace
{

struct Header {
    unsigned char tag = 0;
    std::size_t size = 0;  // of the header itself
    std::size_t body = 0;
    bool indefinite = false;
};

unsigned char octet(base::Octets in, std::size_t i) { return static_cast<unsigned char>(in[i]); }

std::optional<Header> read_header(base::Octets in)
{
    Header h;
    if (in.size() < 2) return std::nullopt;
    h.tag = octet(in, 0);
    std::size_t at = 1;
    if ((h.tag & 0x1f) == 0x1f) {
        // High tag numbers: nothing we look for, but they may stand between.
        const std::size_t end = std::min<std::size_t>(in.size(), 6);
        while (at < end && (octet(in, at) & 0x80) != 0) ++at;
        if (at == end) return std::nullopt;
        ++at;
        if (at == in.size()) return std::nullopt;
    }
    const unsigned char first = octet(in, at++);
    if (first < 0x80) {
        h.body = first;
    } else if (first == 0x80) {
        if ((h.tag & 0x20) == 0) return std::nullopt;  // only constructed ones
        h.indefinite = true;
    } else {
        const std::size_t n = first & 0x7f;
        if (n > sizeof(std::size_t) || in.size() - at < n) return std::nullopt;
        for (std::size_t i = 0; i < n; ++i) h.body = h.body << 8 | octet(in, at++);
    }
    h.size = at;
    if (!h.indefinite && h.body > in.size() - at) return std::nullopt;
    return h;
}

// Octets of the contents of an element of indefinite length that begin at
// `in`, without the end-of-contents.  Definite elements inside are stepped
// over whole, so only a counter is needed for the depth.
std::optional<std::size_t> indefinite_body(base::Octets in)
{
    std::size_t at = 0, open = 1;
    while (true) {
        const auto h = read_header(in.substr(at));
        if (!h) return std::nullopt;
        if (h->tag == 0 && !h->indefinite) {
            if (h->body != 0 || h->size != 2) return std::nullopt;
            if (--open == 0) return at;
            at += 2;
        } else if (h->indefinite) {
            ++open;
            at += h->size;
        } else {
            at += h->size + h->body;
        }
    }
}

}  // namespace

std::optional<Element> Reader::peek() const
{
    const auto h = read_header(rest_);
    if (!h || h->tag == 0) return std::nullopt;
    const auto element = [&](std::size_t body, std::size_t size) {
        return Element{h->tag, rest_.substr(h->size, body), size, rest_.substr(0, size)};
    };
    if (!h->indefinite) return element(h->body, h->size + h->body);
    const auto n = indefinite_body(rest_.substr(h->size));
    if (!n) return std::nullopt;
    return element(*n, h->size + *n + 2);
}

std::optional<Element> Reader::next()
{
    auto e = peek();
    if (e) rest_.remove_prefix(e->size);
    return e;
}

std::optional<Element> Reader::next(unsigned char tag)
{
    auto e = peek();
    if (!e || e->tag != tag) return std::nullopt;
    rest_.remove_prefix(e->size);
    return e;
}

std::optional<std::size_t> count(base::Octets body, std::size_t limit)
{
    Reader reader(body);
    std::size_t n = 0;
    while (!reader.at_end() && n <= limit) {
        if (!reader.next()) return std::nullopt;
        ++n;
    }
    return n;
}

std::optional<std::size_t> count_all(base::Octets octets)
{
    constexpr std::size_t deepest = 64;
    struct Open {
        std::size_t end;
        bool anything;  // within an OCTET STRING
    };
    std::vector<Open> open{{octets.size(), false}};
    std::size_t n = 0, at = 0;
    while (!open.empty()) {
        const Open around = open.back();
        if (at == around.end) {
            open.pop_back();
            continue;
        }
        const auto h = read_header(octets.substr(at, around.end - at));
        const bool constructed = h && (h->tag & 0x20) != 0;
        const bool ours = h && (!constructed || h->tag == sequence || h->tag == set || h->tag >= 0x40);
        if (!around.anything && (!h || h->indefinite || !ours)) return std::nullopt;
        if (!h) {
            at = around.end;
            continue;
        }
        ++n;
        at += h->size;
        const std::size_t end = h->indefinite ? around.end : at + h->body;
        if (constructed || h->tag == octet_string)
            open.push_back({end, around.anything || !constructed});
        else
            at = end;
        if (open.size() > deepest) return std::nullopt;
    }
    return n;
}

std::optional<std::uint64_t> unsigned_value(const Element& e)
{
    if (e.tag != integer || e.body.empty() || (octet(e.body, 0) & 0x80) != 0) return std::nullopt;
    base::Octets digits = e.body;
    while (digits.size() > 1 && digits.front() == '\0') digits.remove_prefix(1);
    if (digits.size() > sizeof(std::uint64_t)) return std::nullopt;
    std::uint64_t value = 0;
    for (char c : digits) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

std::string header(unsigned char tag, std::size_t size)
{
    std::string out(1, static_cast<char>(tag));
    if (size < 0x80) {
        out += static_cast<char>(size);
        return out;
    }
    std::string digits;
    for (std::size_t n = size; n != 0; n >>= 8) digits += static_cast<char>(n & 0xff);
    out += static_cast<char>(0x80 | digits.size());
    out.append(digits.rbegin(), digits.rend());
    return out;
}

std::string wrap(unsigned char tag, base::Octets body)
{
    std::string out = header(tag, body.size());
    out += body;
    return out;
}

std::string wrap(unsigned char tag, std::initializer_list<base::Octets> parts)
{
    std::size_t size = 0;
    for (base::Octets p : parts) size += p.size();
    std::string out = header(tag, size);
    out.reserve(out.size() + size);
    for (base::Octets p : parts) out += p;
    return out;
}

std::string small_integer(unsigned value)
{
    std::string digits;
    do {
        digits.insert(digits.begin(), static_cast<char>(value & 0xff));
        value >>= 8;
    } while (value != 0);
    if ((static_cast<unsigned char>(digits.front()) & 0x80) != 0) digits.insert(digits.begin(), '\0');
    return wrap(integer, digits);
}

std::string set_of(unsigned char tag, std::vector<std::string> elements)
{
    // std::string compares octets as unsigned, as X.690 wants it; that a shorter
    // one counts as padded with zeros makes no difference for whole encodings.
    std::sort(elements.begin(), elements.end());
    std::string body;
    for (const std::string& e : elements) body += e;
    return wrap(tag, body);
}

}  // namespace cms::der
