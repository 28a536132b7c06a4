#include "cms/key_material.h"

namespace cms
{
namespace
{

struct FreeBags {
    void operator()(STACK_OF(PKCS12_SAFEBAG) * s) const
    {
        sk_PKCS12_SAFEBAG_pop_free(s, PKCS12_SAFEBAG_free);
    }
};
struct FreeSafes {
    void operator()(STACK_OF(PKCS7) * s) const { sk_PKCS7_pop_free(s, PKCS7_free); }
};
using BagsPtr = std::unique_ptr<STACK_OF(PKCS12_SAFEBAG), FreeBags>;

// The password as PKCS#12 knows it: "none" and "empty" are two things, and
// which one a file without a password means is seen from its MAC only.
struct Password {
    const char* text = nullptr;
    int size = 0;
};

class Walk
{
public:
    Walk(Opening& opening, Container& out) : opening_(opening), out_(out) {}

    base::Result<> open(PKCS12* file)
    {
        if (auto ok = check_mac(file); !ok) return ok;
        const std::unique_ptr<STACK_OF(PKCS7), FreeSafes> safes(PKCS12_unpack_authsafes(file));
        if (!safes) return opening_.damaged("damaged PKCS#12: " + errors_.text());
        for (int i = 0; i < sk_PKCS7_num(safes.get()); ++i)
            if (auto ok = add_safe(sk_PKCS7_value(safes.get(), i)); !ok) return ok;
        return {};
    }

private:
    base::Result<> check_mac(PKCS12* file)
    {
        if (opening_.password != nullptr) {
            const std::string& text = opening_.password->reveal();
            password_ = {text.c_str(), static_cast<int>(text.size())};
        }
        if (PKCS12_mac_present(file) != 1) return {};
        const ASN1_INTEGER* rounds = nullptr;
        PKCS12_get0_mac(nullptr, nullptr, nullptr, &rounds, file);
        std::uint64_t n = 1;
        if (rounds != nullptr && ASN1_INTEGER_get_uint64(&n, rounds) != 1) n = UINT64_MAX;
        if (auto ok = opening_.spend(n); !ok) return ok;
        const auto fits = [&](Password p) { return PKCS12_verify_mac(file, p.text, p.size) == 1; };
        if (password_.size > 0) {
            if (!fits(password_)) return opening_.password_wrong();
            return {};
        }
        for (const Password p : {Password{}, Password{"", 0}})
            if (fits(p)) {
                password_ = p;
                return {};
            }
        if (opening_.password == nullptr) return opening_.password_needed();
        return opening_.password_wrong();
    }

    base::Result<> add_safe(const PKCS7* safe)
    {
        BagsPtr bags;
        switch (OBJ_obj2nid(safe->type)) {
            case NID_pkcs7_data: bags.reset(PKCS12_unpack_p7data(const_cast<PKCS7*>(safe))); break;
            case NID_pkcs7_encrypted: {
                auto opened = decrypt(safe);
                if (!opened) return base::fail(opened.error());
                bags = std::move(*opened);
                break;
            }
            default: return opening_.damaged("PKCS#12 protected by a public key, which is not supported");
        }
        if (!bags) return opening_.damaged("damaged PKCS#12: " + errors_.text());
        return add_bags(bags.get());
    }

    base::Result<BagsPtr> decrypt(const PKCS7* safe)
    {
        const PKCS7_ENC_CONTENT* content =
            safe->d.encrypted != nullptr ? safe->d.encrypted->enc_data : nullptr;
        if (content == nullptr || content->algorithm == nullptr || content->enc_data == nullptr)
            return opening_.damaged("damaged PKCS#12: encrypted part without content");
        const auto context = prepare(content->algorithm);
        if (!context) return base::fail(context.error());
        BagsPtr bags(static_cast<STACK_OF(PKCS12_SAFEBAG)*>(
            PKCS12_item_decrypt_d2i_ex(content->algorithm, ASN1_ITEM_rptr(PKCS12_SAFEBAGS), password_.text,
                                       password_.size, content->enc_data, 1, *context, nullptr)));
        if (!bags)
            return opening_.password == nullptr ? opening_.password_needed() : opening_.password_wrong();
        return bags;
    }

    base::Result<OSSL_LIB_CTX*> prepare(const X509_ALGOR* algorithm)
    {
        const auto scheme = examine(algorithm, opening_);
        if (!scheme) return base::fail(scheme.error());
        if (auto ok = opening_.spend(scheme->rounds); !ok) return base::fail(ok.error());
        out_.legacy = out_.legacy || scheme->outdated;
        if (scheme->legacy_provider) return legacy_.get(opening_);
        return static_cast<OSSL_LIB_CTX*>(nullptr);  // the process's own
    }

    // Bags may hold bags; those inside belong to those outside.
    base::Result<> add_bags(const STACK_OF(PKCS12_SAFEBAG) * top)
    {
        std::vector<const STACK_OF(PKCS12_SAFEBAG)*> pending{top};
        while (!pending.empty()) {
            const auto* bags = pending.back();
            pending.pop_back();
            for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); ++i) {
                const PKCS12_SAFEBAG* bag = sk_PKCS12_SAFEBAG_value(bags, i);
                if (PKCS12_SAFEBAG_get_nid(bag) == NID_safeContentsBag) {
                    pending.push_back(PKCS12_SAFEBAG_get0_safes(bag));
                } else if (auto ok = add_bag(bag); !ok) {
                    return ok;
                }
            }
        }
        return {};
    }

    base::Result<> add_bag(const PKCS12_SAFEBAG* bag)
    {
        switch (PKCS12_SAFEBAG_get_nid(bag)) {
            case NID_keyBag: return add_plain_key(PKCS12_SAFEBAG_get0_p8inf(bag), opening_, out_);
            case NID_pkcs8ShroudedKeyBag:
                return add_encrypted_key(PKCS12_SAFEBAG_get0_pkcs8(bag), opening_, legacy_, password_.text,
                                         password_.size, out_);
            case NID_certBag: {
                if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate) return {};
                const ossl::X509Ptr x(PKCS12_SAFEBAG_get1_cert(bag));
                if (!x) return opening_.damaged("damaged certificate in the PKCS#12: " + errors_.text());
                return add_certificate(x.get(), opening_, out_);
            }
            case NID_crlBag: {
                if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Crl) return {};
                const ossl::CrlPtr crl(PKCS12_SAFEBAG_get1_crl(bag));
                if (!crl) return opening_.damaged("damaged CRL in the PKCS#12: " + errors_.text());
                out_.crls.push_back(ossl::encode(crl.get(), i2d_X509_CRL));
                return {};
            }
            default: return {};  // secrets and what else there may be are none of ours
        }
    }

    ossl::ErrorScope errors_;
    Opening& opening_;
    Container& out_;
    LegacyContext legacy_;
    Password password_;
};

}  // namespace

base::Result<> add_pkcs12(base::Octets der, Opening& opening, Container& out)
{
    const ossl::ErrorScope errors;
    const unsigned char* at = ossl::bytes(der);
    const ossl::Pkcs12Ptr file(d2i_PKCS12(nullptr, &at, static_cast<long>(der.size())));
    if (!file) return opening.damaged("damaged PKCS#12: " + errors.text());
    return Walk(opening, out).open(file.get());
}

}  // namespace cms
