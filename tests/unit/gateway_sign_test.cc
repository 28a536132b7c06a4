// Signing whole messages: what a reader such as Thunderbird asks of a signature,
// boundaries, labels, refusals.  The golden cases have the rest.
#include <gtest/gtest.h>

#include "cms_fixture.h"
#include "gateway/sign.h"
#include "gateway/verify.h"
#include "mime/content_type.h"
#include "mime/date.h"

namespace
{

using namespace gateway;
using namespace std::chrono_literals;
using fixture::must;
using fixture::now;
using fixture::pki;

const std::string anybody = "From: alice@example.org\r\nMIME-Version: 1.0\r\n";

store::Identity alice()
{
    return {"alice",         "",         "alice.p12", "alice.p12", false, pki().alice.certificate,
            pki().alice.key, pki().chain};
}

Message message_of(const std::string& octets) { return must(message_from_octets(octets, {})); }

struct Signed {
    std::string octets;  // the whole message
    std::string reason;  // why there is none
    std::string boundary;
};

Signed sign(const std::string& octets, base::Random& random, bool opaque = false)
{
    const auto identity = alice();
    const auto message = message_of(octets);
    SignSpec spec;
    spec.identity = &identity;
    spec.opaque = opaque;
    const base::FixedClock clock(now);
    auto made = sign_message(message, spec, clock, random);
    if (!made) return {"", made.error().reason, ""};
    Outcome outcome;
    outcome.header = std::move(made->rewrite.header);
    outcome.replace_body = true;
    outcome.body = std::move(made->rewrite.body);
    Signed out{render(message, outcome), "", ""};
    const auto at = out.octets.find("boundary=\"----=_smime_");
    if (at != std::string::npos) out.boundary = out.octets.substr(at + 10, 12 + 32);
    return out;
}

Signed sign(const std::string& octets, bool opaque = false)
{
    base::SeededRandom random(1);
    return sign(octets, random, opaque);
}

Verdict verify(const Message& message)
{
    VerifyRequest request;
    request.trust = &pki().trust;
    request.at = now;
    return verify_message(message.header(), message.body(), request);
}

std::optional<base::Time> signing_time(const std::string& date_field)
{
    const auto made = sign(date_field + anybody + "Content-Type: text/plain\r\n\r\nhello\r\n");
    const auto message = message_of(made.octets);
    const auto verdict = verify(message);
    EXPECT_EQ(verdict.result(), cms::Code::pass) << verdict.reason();
    return verdict.layers.at(0).signers.at(0).signing_time;
}

std::string dated(std::chrono::seconds from_now)
{
    return "Date: " + mime::format_date(now + from_now) + "\r\n";
}

// Thunderbird calls a valid signature mismatched when signingTime and Date differ
// by more than an hour or Date cannot be read; without a signingTime it does not.
TEST(SignMessage, SigningTimeIsWithinAnHourOfDateOrAbsent)
{
    for (const auto distance : {0s, 55 * 60s, -55 * 60s, 3s}) EXPECT_EQ(signing_time(dated(distance)), now);
    for (const auto distance : {55 * 60s + 1s, -(55 * 60s) - 1s, 7200s, -7200s, 86400s * 365})
        EXPECT_EQ(signing_time(dated(distance)), std::nullopt) << distance.count();
    for (const char* unreadable : {"", "Date: yesterday\r\n", "Date:\r\n", "Date: 2026-06-01\r\n"})
        EXPECT_EQ(signing_time(unreadable), std::nullopt) << unreadable;
}

// Its own splitter and NSS see what we see: protocol and micalg name what is in
// the CMS, the second part is the signature, and lines fit any reader's buffer.
TEST(SignMessage, TheOuterTypeSaysWhatIsInside)
{
    const auto made = sign(anybody + "Content-Type: text/plain\r\n\r\nhello\r\n");
    const auto message = message_of(made.octets);
    const auto type = mime::parse_content_type(message.header().find("Content-Type")->value);
    ASSERT_TRUE(type.valid && type.is("multipart", "signed"));
    EXPECT_EQ(*type.parameter("protocol"), "application/pkcs7-signature");
    EXPECT_EQ(*type.parameter("micalg"), "sha-256");
    EXPECT_NE(made.octets.find("protocol=\"application/pkcs7-signature\""), std::string::npos);
    EXPECT_LE(type.parameter("boundary")->size(), 70U);
    for (std::size_t at = 0, end = 0; (end = made.octets.find("\r\n", at)) != std::string::npos; at = end + 2)
        EXPECT_LE(end - at, 78U) << made.octets.substr(at, end - at);
}

// Gives the same octets again until told otherwise.
class StuckRandom final : public base::Random
{
public:
    explicit StuckRandom(int times) : left_(times) {}
    void fill(std::span<unsigned char> out) override
    {
        for (auto& octet : out) octet = left_ > 0 ? 0xab : 0xcd;
        --left_;
    }

private:
    int left_;
};

TEST(SignMessage, ABoundaryThatTheContentKnowsIsNotUsed)
{
    std::string stuck = "----=_smime_";
    for (int i = 0; i < 16; ++i) stuck += "ab";
    const std::string text =
        anybody + "Content-Type: text/plain\r\n\r\n--" + stuck + "\r\n--" + stuck + "x\r\n";
    StuckRandom random(2);
    const auto made = sign(text, random);
    ASSERT_EQ(made.reason, "");
    EXPECT_EQ(made.boundary.find("abab"), std::string::npos);
    EXPECT_EQ(verify(message_of(made.octets)).result(), cms::Code::pass);
    StuckRandom forever(1000);
    EXPECT_NE(sign(text, forever).reason.find("no boundary"), std::string::npos);
}

TEST(SignMessage, TextWithoutATypeIsLabelledWithTheCharsetItIsIn)
{
    const auto label = [](const std::string& rest, bool opaque) {
        const auto message = message_of(sign(anybody + rest, opaque).octets);
        const auto verdict = verify(message);
        EXPECT_EQ(verdict.result(), cms::Code::pass) << rest;
        const auto header = mime::parse_header(verdict.layers.at(0).content);
        return std::string(header.find("Content-Type")->value);
    };
    for (const bool opaque : {false, true}) {
        EXPECT_EQ(label("\r\nhello\r\n", opaque), " text/plain; charset=us-ascii");
        EXPECT_EQ(label("\r\ngr\xc3\xbc\xc3\x9f\r\n", opaque), " text/plain; charset=utf-8");
        EXPECT_EQ(label("\r\ngr\xfc\xdf\r\n", opaque), " text/plain; charset=unknown-8bit");
        EXPECT_EQ(label("Content-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BC=C3=9F\r\n", opaque),
                  " text/plain; charset=utf-8");
        EXPECT_EQ(label("Content-Type: TEXT/Plain; charset=ISO-8859-1 ; x=\"y\"\r\n\r\nhello\r\n", opaque),
                  " TEXT/Plain; charset=ISO-8859-1 ; x=\"y\"");
    }
}

TEST(SignMessage, OpaqueCarriesWhatAClearSignatureCannot)
{
    const std::string rest = std::string("Content-Type: application/pkcs7-mime\r\n\r\n\xe4") + '\0' + "\r\n";
    EXPECT_EQ(sign(anybody + rest).reason, "8-bit octets in the body, which is signed or encrypted");
    const auto message = message_of(sign(anybody + rest, true).octets);
    EXPECT_EQ(verify(message).layers.at(0).content, rest);
}

TEST(SignMessage, TwoTypesAreNeverSigned)
{
    const std::string twice =
        anybody + "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nhello\r\n";
    for (const bool opaque : {false, true})
        EXPECT_EQ(sign(twice, opaque).reason, "two Content-Type or Content-Transfer-Encoding fields");
}

}  // namespace
