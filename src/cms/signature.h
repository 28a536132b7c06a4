// Private to cms/: the public-key operation of a SignerInfo, and the digests of
// the content it covers.
#pragma once

#include <string>
#include <vector>

#include "base/octets.h"
#include "cms/algorithms.h"
#include "cms/certificate.h"
#include "cms/openssl.h"

namespace cms
{

// Digests of one content, each computed once however many signers use it.
class ContentDigests
{
public:
    explicit ContentDigests(base::Pieces content) : content_(content) {}

    [[nodiscard]] base::Pieces content() const { return content_; }
    // Empty when the library does not have the algorithm.
    [[nodiscard]] const std::string& of(const DigestAlgorithm& algorithm);
    void know(const DigestAlgorithm& algorithm, std::string digest)
    {
        known_.emplace_back(algorithm.nid, std::move(digest));
    }

private:
    base::Pieces content_;
    std::vector<std::pair<int, std::string>> known_;
};

// The public-key operations of one SignedData.  The caller has made sure that
// the keys may be computed with and fit the scheme.
class SignatureVerifier
{
public:
    SignatureVerifier(CMS_ContentInfo* cms, base::Pieces content) : cms_(cms), content_(content) {}

    // Does the key of the certificate verify the signature?  Over the signed
    // attributes when there are any, else over the content.
    [[nodiscard]] bool verifies(CMS_SignerInfo* signer, Scheme scheme, const Certificate& certificate);

private:
    [[nodiscard]] BIO* digested_content();

    CMS_ContentInfo* cms_;
    base::Pieces content_;
    // The content run through all digests of the SignedData: once, however many
    // signers and certificates ask for it.
    ossl::BioPtr digested_;
    bool digestible_ = true;
};

}  // namespace cms
