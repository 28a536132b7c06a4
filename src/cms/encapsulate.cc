#include "cms/encapsulate.h"

#include "cms/der.h"

namespace cms
{
namespace
{

using namespace std::string_view_literals;

constexpr auto id_signed_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"sv;
constexpr auto id_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"sv;

base::Error cannot(const char* why)
{
    return {base::Code::data, "signature", std::string("cannot take its content in: ") + why, ""};
}

// The next element of `reader` with its header, as it is on the wire.
base::Octets take(der::Reader& reader, unsigned char tag)
{
    const base::Octets rest = reader.rest();
    const auto e = reader.next(tag);
    return e ? rest.substr(0, e->size) : base::Octets();
}

}  // namespace

base::Result<std::string> encapsulate(base::Octets der, base::Pieces content)
{
    der::Reader whole(der);
    const auto info = whole.next(der::sequence);
    if (!info) return base::fail(cannot("it is not a ContentInfo"));
    if (!whole.at_end()) return base::fail(cannot("octets come after it"));
    der::Reader fields(info->body);
    const auto kind = fields.next(der::object_identifier);
    const auto wrapper = fields.next(der::context(0));
    if (!kind || kind->body != id_signed_data || !wrapper || !fields.at_end())
        return base::fail(cannot("it is not SignedData"));
    der::Reader inner(wrapper->body);
    const auto body = inner.next(der::sequence);
    if (!body || !inner.at_end()) return base::fail(cannot("it is not SignedData"));

    der::Reader parts(body->body);
    const base::Octets version = take(parts, der::integer);
    const base::Octets algorithms = take(parts, der::set);
    const auto encapsulated = parts.next(der::sequence);
    if (version.empty() || algorithms.empty() || !encapsulated)
        return base::fail(cannot("it is not SignedData"));
    der::Reader inside(encapsulated->body);
    const auto type = inside.next(der::object_identifier);
    if (!type || type->body != id_data) return base::fail(cannot("it is about something other than data"));
    if (!inside.at_end()) return base::fail(cannot("it has a content already"));
    // Certificates, CRLs and signer infos: read only to be sure that they are whole.
    const base::Octets rest = parts.rest();
    while (!parts.at_end())
        if (!parts.next()) return base::fail(cannot("it is not SignedData"));

    // From the inside to the outside, each header knows how much follows.
    const std::size_t octets = base::total_size(content);
    std::string head = der::header(der::octet_string, octets);
    std::size_t size = head.size() + octets;
    const auto enclose = [&](unsigned char tag, std::initializer_list<base::Octets> before) {
        std::string front;
        for (base::Octets b : before) front += b;
        size += front.size();
        std::string header = der::header(tag, size);
        size += header.size();
        head.insert(0, header + front);
    };
    enclose(der::context(0), {});
    enclose(der::sequence, {der::wrap(der::object_identifier, id_data)});
    size += rest.size();
    enclose(der::sequence, {version, algorithms});
    enclose(der::context(0), {});
    enclose(der::sequence, {der::wrap(der::object_identifier, id_signed_data)});

    std::string out;
    out.reserve(size);
    out += head;
    for (base::Octets piece : content) out += piece;
    out += rest;
    return out;
}

}  // namespace cms
