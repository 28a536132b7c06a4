#include <gtest/gtest.h>

#include <array>

#include "cms/inspect.h"
#include "cms/sign.h"
#include "cms/test_ca.h"

namespace
{

using cms::ContentKind;

const base::Time then{std::chrono::seconds(1795435200)};  // 2026-11-23T12:00:00Z

cms::Identity signer()
{
    cms::CertificateRequest request;
    request.common_name = "alice";
    request.addresses = {"alice@example.org"};
    request.ec = true;
    request.not_before = then - std::chrono::days(1);
    request.not_after = then + std::chrono::days(1);
    return cms::issue(request, nullptr).value();
}

std::string sign(const cms::Identity& identity, base::Octets content, bool detached)
{
    cms::SignRequest request;
    request.certificate = &identity.certificate;
    request.key = identity.key.get();
    request.signing_time = then;
    request.detached = detached;
    const std::array<base::Octets, 1> pieces{content};
    return cms::sign(pieces, request).value().der;
}

TEST(Inspect, ShowsSignersAndCertificatesOfADetachedSignature)
{
    const auto identity = signer();
    const auto picture = cms::inspect(sign(identity, "hello", true));
    EXPECT_EQ(picture.kind, ContentKind::signed_data);
    EXPECT_TRUE(picture.parsed);
    EXPECT_FALSE(picture.content);
    EXPECT_EQ(picture.trailing, 0U);
    ASSERT_EQ(picture.signers.size(), 1U);
    EXPECT_EQ(picture.signers[0].issuer, identity.certificate.issuer());
    EXPECT_EQ(picture.signers[0].serial, identity.certificate.serial());
    EXPECT_EQ(picture.signers[0].digest, "sha256");
    EXPECT_EQ(picture.signers[0].signature, "ecdsa-with-SHA256");
    EXPECT_TRUE(picture.signers[0].signed_attributes);
    EXPECT_EQ(picture.signers[0].signing_time, then);
    ASSERT_EQ(picture.certificates.size(), 1U);
    EXPECT_EQ(picture.certificates[0], identity.certificate);
}

TEST(Inspect, GivesTheEnclosedContentExactly)
{
    const std::string content("a\0b\n\r\xff", 6);
    const auto picture = cms::inspect(sign(signer(), content, false));
    EXPECT_EQ(picture.content, content);
}

TEST(Inspect, CountsOctetsAfterTheContentInfo)
{
    const auto picture = cms::inspect(sign(signer(), "hello", true) + "xyz");
    EXPECT_TRUE(picture.parsed);
    EXPECT_EQ(picture.trailing, 3U);
}

TEST(Inspect, TellsWhatItCannotParse)
{
    EXPECT_EQ(cms::inspect("").kind, ContentKind::malformed);
    EXPECT_EQ(cms::inspect("hello").kind, ContentKind::malformed);
    const auto der = sign(signer(), "hello", true);
    const auto picture = cms::inspect(base::Octets(der).substr(0, der.size() / 2));
    EXPECT_FALSE(picture.parsed);
    EXPECT_TRUE(picture.signers.empty());
}

}  // namespace
