#include <gtest/gtest.h>

#include "gateway/authentication_results.h"
#include "gateway/marks.h"
#include "gateway/message.h"
#include "gateway/outcome.h"
#include "gateway/rewrite.h"
#include "mime/structure.h"

namespace
{

using namespace gateway;

TEST(AuthenticationResults, OurIdWithSmimeIsForgedHoweverItIsWritten)
{
    for (const char* value : {" mx.example.org; smime=pass", " MX.Example.ORG; smime=pass",
                              " mx.example.org;smime=pass", " \"mx.example.org\"; smime=pass",
                              " mx.example.org 1; SMIME = pass", " (c) mx.example.org (c) ; (c) smime=pass",
                              " mx.example.org; spf=pass; smime/1=pass", " mx.example.org.; smime=pass",
                              " mx.example.org;\r\n\tsmime=pass", " mx.example.org; ; smime=pass"})
        EXPECT_TRUE(forges_results(value, "mx.example.org")) << value;
}

TEST(AuthenticationResults, WhatALenientReaderMightTakeForOursIsForged)
{
    for (const char* value : {" mx.example.org; x=\"unended; smime=pass",
                              " \"mx.exam\\ple.org\"; smime=pass (unclosed",
                              " mx.example.org smime=pass",
                              " mx.example.org, smime=pass",
                              " ;mx.example.org; smime=pass",
                              " <mx.example.org>; smime=pass",
                              " [mx.example.org]; smime=pass",
                              " mx.example(x).org; smime=pass",
                              " mx.example. org; smime=pass",
                              " mx.example.org..;smime=pass",
                              " mx.example.org/1; smime=pass",
                              " mx.example.org:25; smime=pass",
                              " mx.example.org; \fsmime=pass",
                              " mx.example.org; smime\v=pass",
                              " mx.example.org\xC2\xA0; smime=pass",
                              " \xE2\x80\x8Bmx.example.org; smime=pass",
                              " mx.example.org; dkim=pass smime=pass",
                              " mx.example.org; s(x)mime=pass",
                              " mx.example.org; dkim=pass reason=x\\(; smime=pass (a)",
                              " smime=pass; mx.example.org",
                              " =?utf-8?q?mx=2Eexample=2Eorg?=; smime=pass",
                              " mx.example.org; \"smime\"=pass"})
        EXPECT_TRUE(forges_results(value, "mx.example.org")) << value;
}

TEST(AuthenticationResults, ResultsOfOthersAreNotForged)
{
    const char* folded =
        " other.example 1; dkim=pass (2048-bit key) header.d=x.example header.b=a/b+c=;\r\n"
        "\tspf=pass (mx.example.org: ok) smtp.mailfrom=\"a b\"@x.example; smime/1 = fail";
    for (const char* value :
         {" mx.example.org; dkim=pass", " other.example; smime=pass", " mx.example.org.evil; smime=pass",
          " mx.example.org; dkim=pass reason=\"; smime=pass\"", " mx.example.org; none",
          " mx.example.org; dkim=pass (smime=pass)", " mx.example.org; x=\"unended",
          " other.example; smime=pass body.smime-identifier=a@mx.example.org", folded})
        EXPECT_FALSE(forges_results(value, "mx.example.org")) << value;
}

TEST(AuthenticationResults, TextOfStrangersIsQuotedCutAndFreeOfControls)
{
    Verdict verdict;
    Layer layer;
    layer.part = "2";
    layer.identity = "odd \"name\"\r\n; dkim=pass\n@example.org";
    layer.comments.emplace_back("evil) comment\r\n(");
    layer.findings.add(cms::Finding::content_mismatch);
    cms::SignerVerdict signer;
    signer.digest = "sha256";
    layer.signers.push_back(signer);
    layer.signer = 0;
    verdict.layers.push_back(layer);
    verdict.deciding = 0;
    verdict.findings = layer.findings;
    const auto value = authentication_results("mx.example.org", verdict);
    EXPECT_EQ(value,
              "mx.example.org;\n smime=fail (sha256; evil comment)\n reason=\"body hash mismatch\""
              "\n body.smime-identifier=\"odd \\\"name\\\"; dkim=pass\"@example.org\n body.smime-part=2");
    EXPECT_FALSE(forges_results(" " + value, "example.org")) << "outside RFC 8601";
}

TEST(AuthenticationResults, WithoutAnAddressSerialAndIssuerNameTheSigner)
{
    Verdict verdict;
    Layer layer;
    layer.part = "2";
    cms::SignerVerdict signer;
    signer.serial = "1234";
    signer.issuer = "CN=CA1,C=BE";
    layer.signers.push_back(signer);
    layer.signer = 0;
    layer.findings.add(cms::Finding::signer_certificate_missing);
    verdict.layers.push_back(layer);
    verdict.deciding = 0;
    verdict.findings = layer.findings;
    EXPECT_EQ(authentication_results("mx", verdict),
              "mx;\n smime=permerror\n reason=\"signer certificate not available\"\n body.smime-serial=4660"
              "\n body.smime-issuer=\"CN=CA1,C=BE\"\n body.smime-part=2");
}

std::vector<mime::Field> fields_of(const Message& m) { return m.fields(); }

Message message(const std::string& text)
{
    auto made = message_from_octets(text, {});
    EXPECT_TRUE(made);
    return std::move(*made);
}

TEST(Marks, LookAlikesOfOurTagsGoAlsoWhenEncoded)
{
    const auto m = message("Subject: =?utf-8?q?=5BSigned=5D?= [ SIGNATURE valid ] [list] real\r\n\r\n");
    EXPECT_EQ(tag_subject(m.fields(), "[signature invalid]").front().value,
              "[signature invalid] [list] real");
}

TEST(Marks, ForgedFieldsAreRemovedFromTheLastToTheFirst)
{
    const auto m = message(
        "X-SMIME-Result: pass\r\nAuthentication-Results: mx; smime=pass\r\nx-smime-result: pass\r\n"
        "Authentication-Results: mx; spf=pass\r\nAuthentication-Results: mx; smime=pass\r\nSubject: "
        "x\r\n\r\n");
    const auto edits = remove_forged(fields_of(m), "mx", false);
    std::vector<std::string> seen;
    for (const auto& e : edits) seen.push_back(e.name + std::to_string(e.index));
    EXPECT_EQ(seen, (std::vector<std::string>{"Authentication-Results3", "x-smime-result2",
                                              "Authentication-Results1", "X-SMIME-Result1"}));
    EXPECT_EQ(remove_forged(fields_of(m), "mx", true).size(), 2U);
}

TEST(Message, CollectedInDripsItIsTheSameOctets)
{
    const std::string body = "line\r\n\r\n.\r\n8-bit \xc3\xbc\r\n";
    for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{65536}}) {
        MessageBuilder builder;
        ASSERT_TRUE(builder.add_field("Subject", " folded\n\tvalue"));
        ASSERT_TRUE(builder.add_field("To", "no-blank"));
        ASSERT_TRUE(builder.end_header());
        for (std::size_t i = 0; i < body.size(); i += step)
            ASSERT_TRUE(builder.add_body(body.substr(i, step)));
        const auto m = builder.finish({});
        EXPECT_EQ(m.octets(), "Subject: folded\r\n\tvalue\r\nTo:no-blank\r\n\r\n" + body);
        EXPECT_EQ(m.body(), body);
        EXPECT_EQ(m.fields().at(1).value, "no-blank");
    }
}

TEST(Message, BareLineFeedsThroughoutAreTakenAsLineEndsAndMixedOnesStay)
{
    EXPECT_EQ(message("A: b\n\nx\ny\n").octets(), "A: b\r\n\r\nx\r\ny\r\n");
    EXPECT_EQ(message("A: b\r\n\r\nx\ny\r\n").octets(), "A: b\r\n\r\nx\ny\r\n");
    EXPECT_EQ(message("A: b\n\nx\r\ny\n").octets(), "A: b\n\nx\r\ny\n");
    EXPECT_FALSE(message_from_octets("", {}));
    EXPECT_FALSE(message_from_octets("no header\r\n", {}));
    EXPECT_FALSE(message_from_octets("From alice Mon\r\nA: b\r\n\r\n", {}));
}

TEST(Message, AHeaderOverItsLimitIsNotCutInTwo)
{
    std::string octets;
    for (int i = 0; i < 10'001; ++i) octets += "A: b\r\n";
    const auto made = message_from_octets(octets + "\r\nx\r\n", {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().what, "its header is too large: more than 10,000 fields or 4 MiB");
}

TEST(Message, OverItsLimitTheBodyIsCountedAndItsMemoryReturned)
{
    MessageBuilder builder;
    ASSERT_TRUE(builder.add_field("A", " b"));
    ASSERT_TRUE(builder.end_header());
    ASSERT_TRUE(builder.add_body(std::string(100000, 'x')));
    builder.drop_body();
    EXPECT_LT(builder.held(), 300U);
    ASSERT_TRUE(builder.add_body(std::string(100000, 'x')));
    EXPECT_LT(builder.held(), 300U);
    const auto m = builder.finish({});
    EXPECT_EQ(m.body_state(), BodyState::too_large);
    EXPECT_EQ(m.size(), 200008U);
    EXPECT_EQ(m.body(), "");
}

TEST(Rewrite, ChangesComeBeforeRemovalsAndRemovalsFromTheHighestIndex)
{
    const auto m = message(
        "Content-Type: a/b\r\nMIME-Version: 1.0\r\ncontent-type: c/d\r\nContent-Language: "
        "en\r\nmime-version: 1.0\r\n\r\n");
    const auto edits = content_edits(m.fields(), {{"Content-Type", "x/y"}, {"Content-Id", "<i>"}});
    std::vector<std::string> seen;
    for (const auto& e : edits)
        seen.push_back((e.kind == HeaderEdit::Kind::change   ? "change "
                        : e.kind == HeaderEdit::Kind::remove ? "remove "
                                                             : "append ") +
                       e.name + std::to_string(e.index));
    EXPECT_EQ(seen, (std::vector<std::string>{"change Content-Type1", "remove MIME-Version2",
                                              "remove Content-Language1", "remove content-type2",
                                              "append Content-Id1"}));
}

}  // namespace
