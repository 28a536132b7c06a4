#include "cms/container.h"

#include <openssl/pem.h>

#include "cms/der.h"
#include "cms/key_material.h"

namespace cms
{
namespace
{

constexpr std::size_t largest = 64U << 20;
constexpr int rounds_written = 20'000;  // of PKCS#12 files we make

// Tags of the first elements inside the outermost SEQUENCE.
struct Shape {
    std::vector<der::Element> parts;
    [[nodiscard]] bool starts_with(std::initializer_list<unsigned char> tags) const
    {
        if (parts.size() < tags.size()) return false;
        std::size_t i = 0;
        for (unsigned char tag : tags)
            if (parts[i++].tag != tag) return false;
        return true;
    }
};

Shape shape_of(base::Octets body)
{
    Shape out;
    for (der::Reader reader(body); !reader.at_end() && out.parts.size() < 5;) {
        const auto e = reader.next();
        if (!e) break;
        out.parts.push_back(*e);
    }
    return out;
}

// TBSCertList has a time where TBSCertificate has the SEQUENCE Validity.
bool is_crl(base::Octets to_be_signed)
{
    Shape shape = shape_of(to_be_signed);
    if (shape.starts_with({der::integer})) shape.parts.erase(shape.parts.begin());
    return shape.starts_with({der::sequence, der::sequence, der::utc_time}) ||
           shape.starts_with({der::sequence, der::sequence, der::generalized_time});
}

Format recognise_der(base::Octets content)
{
    const auto outer = der::Reader(content).next(der::sequence);
    if (!outer) return Format::unknown;
    const Shape shape = shape_of(outer->body);
    if (shape.starts_with({der::object_identifier, der::context(0)})) return Format::pkcs7;
    if (shape.starts_with({der::sequence, der::sequence, der::bit_string}))
        return is_crl(shape.parts[0].body) ? Format::crl : Format::certificate;
    if (shape.starts_with({der::sequence, der::octet_string})) return Format::key;  // encrypted PKCS#8
    if (shape.starts_with({der::integer, der::sequence}))
        return shape.parts[0].body == "\x03" ? Format::pkcs12 : Format::key;
    if (shape.starts_with({der::integer, der::integer}) ||
        shape.starts_with({der::integer, der::octet_string}))
        return Format::key;
    return Format::unknown;
}

}  // namespace

Format recognise(base::Octets content)
{
    if (content.starts_with("-----BEGIN ") || content.find("\n-----BEGIN ") != base::Octets::npos)
        return Format::pem;
    // Microsoft's .sst: version 0, then "CERT".
    constexpr base::Octets serialized_store("\0\0\0\0CERT", 8);
    if (content.starts_with(serialized_store)) return Format::serialized_store;
    return recognise_der(content);
}

base::Result<Container> open_container(base::Octets content, const std::string& where,
                                       const base::Secret* password)
{
    const ossl::ErrorScope errors;
    Opening opening{where, password};
    if (content.empty()) return base::fail(base::Code::data, where, "empty file");
    if (content.size() > largest) return opening.damaged("larger than anything of its kind");
    Container out;
    base::Result<> done;
    switch (recognise(content)) {
        case Format::pem: done = add_pem(content, opening, out); break;
        case Format::pkcs12: done = add_pkcs12(content, opening, out); break;
        case Format::pkcs7: done = add_pkcs7(content, opening, out); break;
        case Format::certificate: done = add_certificate(content, opening, out); break;
        case Format::crl: done = add_crl(content, opening, out); break;
        case Format::key: done = add_key(content, opening, out); break;
        case Format::serialized_store:
            return base::fail(base::Code::data, where,
                              "a Microsoft serialized certificate store (.sst), which is not read",
                              "export the certificates as PKCS #7 (.p7b) or one by one as .cer instead");
        case Format::unknown:
            done = opening.damaged("neither PEM nor a PKCS#12, PKCS#7, certificate, CRL or key in DER");
            break;
    }
    if (!done) return base::fail(done.error());
    if (out.certificates.empty() && out.keys.empty() && out.crls.empty())
        return base::fail(base::Code::data, where, "no certificate, key or CRL in it");
    return out;
}

base::Result<std::string> make_pkcs12(const PrivateKey& key, const Certificate& certificate,
                                      const std::vector<Certificate>& chain, const base::Secret& password)
{
    const auto native = key.native();
    if (!native) return base::fail(native.error());
    const ossl::ErrorScope errors;
    const ossl::BorrowedX509StackPtr others(sk_X509_new_null());
    for (const Certificate& c : chain)
        if (!others || sk_X509_push(others.get(), c.native()) <= 0)
            return base::fail(base::Code::internal, "", "out of memory");
    const std::string name = certificate.subject();
    const ossl::Pkcs12Ptr made(PKCS12_create_ex(
        password.reveal().c_str(), name.c_str(), native->get(), certificate.native(), others.get(),
        NID_aes_256_cbc, NID_aes_256_cbc, rounds_written, rounds_written, 0, nullptr, nullptr));
    if (!made) return base::fail(base::Code::internal, "", "PKCS#12 cannot be made: " + errors.text());
    return ossl::encode(made.get(), i2d_PKCS12);
}

std::string to_pem(const Certificate& certificate)
{
    const ossl::ErrorScope errors;
    const ossl::BioPtr bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_X509(bio.get(), certificate.native()) != 1) return {};
    return ossl::contents(bio.get());
}

base::Result<std::string> to_pem(const PrivateKey& key)
{
    const auto native = key.native();
    if (!native) return base::fail(native.error());
    const ossl::ErrorScope errors;
    const ossl::BioPtr bio(BIO_new(BIO_s_secmem()));
    if (!bio ||
        PEM_write_bio_PKCS8PrivateKey(bio.get(), native->get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return base::fail(base::Code::internal, "", "the private key cannot be written: " + errors.text());
    return ossl::contents(bio.get());
}

}  // namespace cms
