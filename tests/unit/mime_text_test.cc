// Dates, encoded-words and UTF-8.
#include <gtest/gtest.h>

#include "mime/date.h"
#include "mime/encoded_word.h"
#include "mime/utf8.h"
#include "mime_support.h"

namespace
{

using namespace mime;
using namespace mime_test;
using namespace std::string_literals;
using namespace std::string_view_literals;

std::string iso(base::Octets value)
{
    const auto t = parse_date(value);
    return t ? base::iso8601(*t) : "";
}

TEST(Date, IsReadWithItsZone)
{
    EXPECT_EQ(iso(" Mon, 23 Nov 2026 12:00:00 +0000"), "2026-11-23T12:00:00Z");
    EXPECT_EQ(iso("23 Nov 2026 12:00 +0130"), "2026-11-23T10:30:00Z");
    EXPECT_EQ(iso("Mon, 23 Nov 2026 22:00:00 -0500 (EST)"), "2026-11-24T03:00:00Z");
    EXPECT_EQ(iso("Mon,\r\n 2 Nov 2026\r\n 12:00:00 -0000"), "2026-11-02T12:00:00Z");
    EXPECT_EQ(iso("mon, 23 NOV 2026 12:00:00 +0000"), "2026-11-23T12:00:00Z");
    EXPECT_EQ(iso("Thu, 29 Feb 2024 00:00:00 +0000"), "2024-02-29T00:00:00Z");
    EXPECT_EQ(iso("Sat, 31 Dec 2016 23:59:60 +0000"), "2017-01-01T00:00:00Z") << "leap second";
}

TEST(Date, ObsoleteFormsAreRead)
{
    EXPECT_EQ(iso("Fri, 21 Nov 97 09:55:06 -0600"), "1997-11-21T15:55:06Z");
    EXPECT_EQ(iso("21 Nov 26 09:55 GMT"), "2026-11-21T09:55:00Z");
    EXPECT_EQ(iso("21 Nov 126 09:55 UT"), "2026-11-21T09:55:00Z");
    EXPECT_EQ(iso("21 Nov 2026 09:55 EDT"), "2026-11-21T13:55:00Z");
    EXPECT_EQ(iso("21 Nov 2026 09:55 PST"), "2026-11-21T17:55:00Z");
    EXPECT_EQ(iso("21 Nov 2026 09:55 Z"), "2026-11-21T09:55:00Z");
    EXPECT_EQ(iso("Fri (c), 21 (d) Nov 2026 09 : 55 : 06 +0000"), "2026-11-21T09:55:06Z");
}

TEST(Date, WhatIsNoDateIsNone)
{
    for (const char* bad : {"",
                            "yesterday",
                            "Mon, 23 Nov 2026",
                            "23 Nov 2026 12:00:00",
                            "31 Feb 2026 12:00:00 +0000",
                            "32 Jan 2026 12:00:00 +0000",
                            "23 Foo 2026 12:00:00 +0000",
                            "23 Nov 2026 24:00:00 +0000",
                            "23 Nov 2026 12:60:00 +0000",
                            "23 Nov 2026 12:00:61 +0000",
                            "23 Nov 2026 12:00:00 +000",
                            "23 Nov 2026 12:00:00 +0060",
                            "23 Nov 1800 12:00:00 +0000",
                            "23 Nov 20260 12:00:00 +0000",
                            "Foo, 23 Nov 2026 12:00:00 +0000",
                            "Mon 23 Nov 2026 12:00:00 +0000",
                            "2026-11-23T12:00:00Z",
                            "23 Nov 2026 12:00:00 +0000 junk",
                            "0 Nov 2026 12:00:00 +0000",
                            "23 Nov 2026 12:00:00 +0000 (",
                            "-1 Nov 2026 12:00:00 +0000"})
        EXPECT_EQ(parse_date(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_date("23 Nov 2026 12:00:00 +0000" + std::string(1000, ' ')), std::nullopt);
}

TEST(Date, IsWrittenAsItIsRead)
{
    EXPECT_EQ(format_date(*parse_date("Mon, 23 Nov 2026 12:00:00 +0000")), "Mon, 23 Nov 2026 12:00:00 +0000");
    std::mt19937 random(8);
    for (int i = 0; i < 2000; ++i) {
        const base::Time t{std::chrono::seconds(random() % 4'000'000'000U)};
        ASSERT_EQ(parse_date(format_date(t)), t) << format_date(t);
    }
    EXPECT_EQ(format_date(base::Time{}), "Thu, 01 Jan 1970 00:00:00 +0000");
}

TEST(EncodedWord, IsShownAsAReaderSeesIt)
{
    EXPECT_EQ(decode_encoded_words(" =?utf-8?q?[signed]_Gr=C3=BC=C3=9Fe?= x"), "[signed] Grüße x");
    EXPECT_EQ(decode_encoded_words("=?UTF-8?B?W3NpZ25lZF0=?="), "[signed]");
    EXPECT_EQ(decode_encoded_words("=?utf-8*en?b?W3NpZ25lZF0?="), "[signed]") << "language; no padding";
    EXPECT_EQ(decode_encoded_words("=?iso-8859-1?q?Gr=FC=DFe?="), "Grüße");
    EXPECT_EQ(decode_encoded_words("=?us-ascii?q?a=FCb?="), "a?b");
    EXPECT_EQ(decode_encoded_words("=?koi8-r?q?a=FCb?="), "a?b");
    EXPECT_EQ(decode_encoded_words("=?utf-8?q?a=FCb?="), "a?b");
    EXPECT_EQ(decode_encoded_words("x=?utf-8?q?a?=y"), "xay") << "many readers do not ask for blanks around";
}

TEST(EncodedWord, AdjacentOnesAreJoinedWithoutTheBlankBetween)
{
    EXPECT_EQ(decode_encoded_words("=?utf-8?q?[sig?= =?utf-8?q?ned]?="), "[signed]");
    EXPECT_EQ(decode_encoded_words("=?utf-8?q?[sig?=\r\n\t =?iso-8859-1?b?bmVkXQ==?= x"), "[signed] x");
    EXPECT_EQ(decode_encoded_words("=?utf-8?q?a?==?utf-8?q?b?="), "ab");
    EXPECT_EQ(decode_encoded_words("=?utf-8?q?a?= - =?utf-8?q?b?="), "a - b");
    EXPECT_EQ(decode_encoded_words("=?utf-8?q?=C3?= =?utf-8?q?=BC?="), "ü") << "a character cut in two";
}

TEST(EncodedWord, OtherTextStaysAsItIs)
{
    for (const char* text : {"", "plain text", "a  b", "=?", "=?utf-8?", "=?utf-8?q?", "=?utf-8?q?abc",
                             "=?utf-8?q?abc?", "=?utf-8?x?abc?=", "=?utf-8?q?=zz?=", "=?utf-8?b?a*b=?=",
                             "=??q?a?=", "=?a b?q?c?=", "=?=?=?=", "raw ü and \xfc"})
        EXPECT_EQ(decode_encoded_words(text), text);
}

TEST(EncodedWord, CannotSmuggleLinesOrControls)
{
    EXPECT_EQ(decode_encoded_words("=?utf-8?q?a=0D=0AX:_y=00=1B?="), "a  X: y  ");
    EXPECT_EQ(decode_encoded_words("=?utf-8?b?YQ0KYg==?="), "a  b");
}

TEST(EncodedWord, AsciiNeedsNoEncoding)
{
    EXPECT_EQ(encode_words("Hello, world"), "Hello, world");
    EXPECT_EQ(encode_words(""), "");
    EXPECT_EQ(encode_words("Grüße"), "=?utf-8?B?R3LDvMOfZQ==?=");
}

TEST(EncodedWord, WordsAreShortAndNeverCutACharacter)
{
    std::mt19937 random(9);
    constexpr std::string_view characters[] = {"a", " ", "ü", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (int i = 0; i < 1000; ++i) {
        std::string text = "ü";
        for (auto n = random() % 200; n > 0; --n) text += characters[random() % std::size(characters)];
        text += "ü";
        const std::string encoded = encode_words(text);
        ASSERT_EQ(decode_encoded_words(encoded), text);
        for (std::size_t at = 0; at < encoded.size();) {
            const auto end = std::min(encoded.find("\r\n ", at), encoded.size());
            const std::string word = encoded.substr(at, end - at);
            ASSERT_LE(word.size(), 75U);
            ASSERT_TRUE(is_utf8(decode_encoded_words(word)));
            ASSERT_EQ(decode_encoded_words(word).find('?'), std::string::npos) << word;
            at = end + 3;
        }
    }
}

TEST(EncodedWord, HostileTextEndsInTime)
{
    const Stopwatch watch;
    for (const char* c : {"=?", "=?a?q?", "=?a?q?x", "?=", "=?a?q?x?= ", "=?a?b?", " "}) {
        std::string text;
        while (text.size() < 200'000) text += c;
        EXPECT_LE(decode_encoded_words(text).size(), text.size());
    }
    EXPECT_LT(watch.seconds(), 5.0);
}

TEST(Utf8, OnlyWellFormedCharactersCount)
{
    for (const char* good :
         {"", "a", "ü", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"})
        EXPECT_TRUE(is_utf8(good)) << good;
    for (const char* bad :
         {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xc3\x28", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
        EXPECT_FALSE(is_utf8(bad)) << bad;
    EXPECT_TRUE(is_ascii("a\x7f"));
    EXPECT_FALSE(is_ascii("a\x80"));
}

}  // namespace
