#include "cms/outline.h"

#include <algorithm>

#include "cms/der.h"

namespace cms
{
namespace
{

using namespace std::string_view_literals;

constexpr auto signed_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"sv;
constexpr auto enveloped_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"sv;
constexpr auto compressed_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09"sv;
constexpr auto auth_enveloped_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"sv;

}  // namespace

ContentKind content_kind(base::Octets der)
{
    const auto info = der::Reader(der).next(der::sequence);
    if (!info) return ContentKind::malformed;
    const auto type = der::Reader(info->body).next(der::object_identifier);
    if (!type) return ContentKind::malformed;
    if (type->body == signed_data) return ContentKind::signed_data;
    if (type->body == enveloped_data) return ContentKind::enveloped_data;
    if (type->body == auth_enveloped_data) return ContentKind::auth_enveloped_data;
    if (type->body == compressed_data) return ContentKind::compressed_data;
    return ContentKind::other;
}

std::optional<Outline> outline_signed_data(base::Octets der, const VerifyLimits& limits)
{
    Outline out;
    const auto info = der::Reader(der).next(der::sequence);
    if (!info) return std::nullopt;
    out.size = info->size;

    der::Reader fields(info->body);
    const auto type = fields.next(der::object_identifier);
    const auto wrapper = fields.next(der::context(0));
    if (!type || type->body != signed_data || !wrapper || !fields.at_end()) return std::nullopt;

    der::Reader inner(wrapper->body);
    const auto body = inner.next(der::sequence);
    if (!body || !inner.at_end()) return std::nullopt;

    der::Reader parts(body->body);
    const auto version = parts.next(der::integer);
    const auto algorithms = parts.next(der::set);
    const auto content = parts.next(der::sequence);
    const auto certificates = parts.next(der::context(0));  // optional
    const auto lists = parts.next(der::context(1));         // RevocationInfoChoices, optional
    const auto signers = parts.next(der::set);
    if (!version || !algorithms || !content || !signers || !parts.at_end()) return std::nullopt;

    der::Reader encapsulated(content->body);
    const auto content_type = encapsulated.next(der::object_identifier);
    if (!content_type) return std::nullopt;
    out.content_present = !encapsulated.at_end();
    out.algorithms = algorithms->body;
    out.version = version->whole;
    out.algorithm_set = algorithms->whole;
    out.content_type = content_type->whole;
    out.content = encapsulated.rest();
    if (certificates) out.certificate_set = certificates->whole;
    if (lists) out.lists = lists->whole;
    out.signer_infos = signers->whole;

    const auto counted = [](const std::optional<der::Element>& e, std::size_t limit, std::size_t& n) {
        const auto found = der::count(e ? e->body : base::Octets(), limit);
        n = found.value_or(0);
        return found.has_value();
    };
    // Each signer brings one digest algorithm at most.
    if (!counted(algorithms, limits.signers, out.digest_algorithms) ||
        !counted(certificates, limits.certificates, out.certificates) ||
        !counted(lists, limits.certificates, out.revocation_lists) ||
        !counted(signers, limits.signers, out.signers))
        return std::nullopt;
    out.around = out.size - content->size;

    der::Reader infos(signers->body);
    for (std::size_t i = 0; i < limits.signers; ++i) {
        const auto signer = infos.next();
        if (!signer) break;
        der::Reader members(signer->body);
        std::size_t attributes = 0;
        while (const auto member = members.next()) {
            if (member->tag != der::context(0) && member->tag != der::context(1)) continue;
            std::size_t n = 0;
            if (!counted(member, limits.attributes, n)) return std::nullopt;
            attributes += n;
        }
        out.attributes = std::max(out.attributes, attributes);
    }
    return out;
}

}  // namespace cms
