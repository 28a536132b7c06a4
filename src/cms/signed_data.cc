#include "cms/signed_data.h"

#include <algorithm>

#include "cms/der.h"

namespace cms
{
namespace
{

using namespace std::string_view_literals;

constexpr auto signed_data_oid = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"sv;

void add_once(std::vector<Certificate>& all, Certificate c)
{
    if (std::find(all.begin(), all.end(), c) == all.end()) all.push_back(std::move(c));
}

ossl::CmsPtr parsed(base::Octets der)
{
    const unsigned char* at = ossl::bytes(der);
    ossl::CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
    // Both readers must have seen the same thing.
    if (at != ossl::bytes(der) + der.size()) cms.reset();
    return cms;
}

// Is `element` the header of DER and this body?
bool is_wrapped(base::Octets element, unsigned char tag, base::Octets body)
{
    const std::string header = der::header(tag, body.size());
    return element.size() == header.size() + body.size() && element.starts_with(header) &&
           element.ends_with(body);
}

// The body of the only element in `octets`, which is in DER as far as its header goes.
std::optional<base::Octets> only_element(base::Octets octets, unsigned char tag)
{
    der::Reader reader(octets);
    const auto element = reader.next(tag);
    if (!element || !reader.at_end() || !is_wrapped(octets, tag, element->body)) return std::nullopt;
    return element->body;
}

std::optional<std::vector<Certificate>> certificates_in(base::Octets set,
                                                        const std::vector<Certificate>& known,
                                                        CertificateCache& cache)
{
    std::vector<Certificate> out;
    if (set.empty()) return out;
    const auto body = only_element(set, der::context(0));
    if (!body) return std::nullopt;
    for (der::Reader elements(*body); !elements.at_end();) {
        const auto element = elements.next(der::sequence);
        if (!element || !is_wrapped(element->whole, der::sequence, element->body)) return std::nullopt;
        const auto found = std::find_if(known.begin(), known.end(),
                                        [&](const Certificate& c) { return c.der() == element->whole; });
        auto certificate = found != known.end() ? std::optional(*found) : cache.decode(element->whole);
        if (!certificate) return std::nullopt;
        add_once(out, std::move(*certificate));
    }
    return out;
}

// Is everything around the parts DER?  Then the whole is what its parts, wrapped, are.
bool is_canonical(base::Octets der, const Outline& outline)
{
    const std::size_t content_info = outline.content_type.size() + outline.content.size();
    const std::size_t body = outline.version.size() + outline.algorithm_set.size() +
                             der::header(der::sequence, content_info).size() + content_info +
                             outline.certificate_set.size() + outline.lists.size() +
                             outline.signer_infos.size();
    const std::string signed_data = der::header(der::sequence, body);
    const std::string wrapper = der::header(der::context(0), signed_data.size() + body);
    const std::string start =
        der::header(der::sequence, signed_data_oid.size() + wrapper.size() + signed_data.size() + body)
            .append(signed_data_oid)
            .append(wrapper)
            .append(signed_data)
            .append(outline.version)
            .append(outline.algorithm_set)
            .append(der::header(der::sequence, content_info));
    return der.starts_with(start) && outline.size == start.size() + content_info +
                                                         outline.certificate_set.size() +
                                                         outline.lists.size() + outline.signer_infos.size();
}

}  // namespace

std::optional<SignedData> read_whole(base::Octets der, const Outline& outline)
{
    SignedData out;
    out.cms = parsed(der.substr(0, outline.size));
    if (!out.cms) return std::nullopt;
    ASN1_OCTET_STRING** content = CMS_get0_content(out.cms.get());
    out.encapsulated = content != nullptr && *content != nullptr;
    if (out.encapsulated) out.content = ossl::octets(*content);
    const ossl::X509StackPtr stack(CMS_get1_certs(out.cms.get()));
    for (int i = 0; i < sk_X509_num(stack.get()); ++i)
        if (auto c = Certificate::from_native(sk_X509_value(stack.get(), i)))
            add_once(out.certificates, std::move(*c));
    return out;
}

std::optional<SignedData> read_in_parts(base::Octets der, const Outline& outline,
                                        const std::vector<Certificate>& known, CertificateCache& cache)
{
    if (!is_canonical(der, outline)) return std::nullopt;
    SignedData out;
    out.encapsulated = outline.content_present;
    if (outline.content_present) {
        const auto wrapper = only_element(outline.content, der::context(0));
        const auto content = wrapper ? only_element(*wrapper, der::octet_string) : std::nullopt;
        if (!content) return std::nullopt;
        out.content = *content;
    }
    auto certificates = certificates_in(outline.certificate_set, known, cache);
    if (!certificates) return std::nullopt;
    out.certificates = std::move(*certificates);
    const std::string body = der::wrap(
        der::sequence, {outline.version, outline.algorithm_set,
                        der::wrap(der::sequence, outline.content_type), outline.lists, outline.signer_infos});
    out.cms = parsed(der::wrap(der::sequence, {signed_data_oid, der::wrap(der::context(0), body)}));
    if (!out.cms) return std::nullopt;
    return out;
}

}  // namespace cms
