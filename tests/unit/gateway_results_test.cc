// Authentication-Results and the other marks, under certificates and headers
// that strangers have written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "gateway/authentication_results.h"
#include "gateway/marks.h"
#include "gateway_support.h"

namespace
{

using namespace fixture;
using testing::HasSubstr;
using testing::Not;

const std::string text = "Content-Type: text/plain\r\n\r\nNoon?\r\n";

// The grammar of RFC 8601 section 2.2, as strict as it is written, in a reader
// of its own: nothing of ours is used.
class ResultsGrammar
{
public:
    explicit ResultsGrammar(std::string value) : text_(std::move(value)) {}

    // The resinfo of a field: "smime=pass", then "ptype.property=value" each; or why not.
    std::string read(std::vector<std::string>& found)
    {
        if (const auto bad = unfold(); !bad.empty()) return bad;
        std::string id, value;
        if (!cfws() || !word(id)) return "authserv-id";
        if (!cfws()) return "comment after the id";
        while (at_ < text_.size()) {
            if (!take(';')) return "a semicolon is missing at " + std::to_string(at_);
            std::string method, result;
            if (!cfws() || !keyword(method) || !cfws() || !take('=') || !cfws() || !keyword(result) ||
                !cfws())
                return "methodspec";
            found.push_back(method + "=" + result);
            bool reason_allowed = true;
            while (at_ < text_.size() && text_[at_] != ';') {
                std::string name, property;
                if (!keyword(name)) return "property type at " + std::to_string(at_);
                if (reason_allowed && name == "reason") {
                    if (!cfws() || !take('=') || !cfws() || !word(value) || !cfws()) return "reason";
                    found.push_back("reason=" + value);
                    reason_allowed = false;
                    continue;
                }
                if (!cfws() || !take('.') || !cfws() || !keyword(property) || !cfws() || !take('=') ||
                    !cfws() || !pvalue(value) || !cfws())
                    return "propspec " + name;
                found.push_back(name + "." + property + "=" + value);
                reason_allowed = false;
            }
        }
        return "";
    }

private:
    std::string unfold()
    {
        std::string out;
        for (std::size_t i = 0; i < text_.size(); ++i) {
            const auto c = static_cast<unsigned char>(text_[i]);
            if (c == '\n') {
                if (i + 1 == text_.size() || text_[i + 1] != ' ') return "a fold without a blank";
                continue;
            }
            if (c < 0x20 || c > 0x7e) return "octet " + std::to_string(c);
            out += text_[i];
        }
        text_ = out;
        return "";
    }
    bool take(char c)
    {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool cfws()
    {
        while (at_ < text_.size()) {
            if (text_[at_] == ' ') {
                ++at_;
            } else if (text_[at_] == '(') {
                int depth = 0;
                for (; at_ < text_.size(); ++at_) {
                    if (text_[at_] == '\\')
                        ++at_;
                    else if (text_[at_] == '(')
                        ++depth;
                    else if (text_[at_] == ')' && --depth == 0)
                        break;
                }
                if (at_ >= text_.size()) return false;
                ++at_;
            } else {
                break;
            }
        }
        return true;
    }
    bool keyword(std::string& out)
    {
        out.clear();
        while (at_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-'))
            out += text_[at_++];
        return !out.empty() && out.back() != '-';
    }
    // token / quoted-string
    bool word(std::string& out)
    {
        out.clear();
        if (take('"')) {
            for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
                if (take('\\') && at_ == text_.size()) return false;
                out += text_[at_];
            }
            return take('"');
        }
        while (at_ < text_.size() && std::string("()<>@,;:\\\"/[]?= ").find(text_[at_]) == std::string::npos)
            out += text_[at_++];
        return !out.empty();
    }
    // value / [ [ local-part ] "@" ] domain-name
    bool pvalue(std::string& out)
    {
        std::string domain;
        const bool is_quoted = at_ < text_.size() && text_[at_] == '"';
        if (is_quoted) {
            if (!word(out)) return false;
        } else {
            out.clear();
            const std::string no = "()<>@,;:\\\"[] ";
            while (at_ < text_.size() && no.find(text_[at_]) == std::string::npos) out += text_[at_++];
        }
        if (take('@')) {
            while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                          text_[at_] == '-' || text_[at_] == '.'))
                domain += text_[at_++];
            if (domain.empty()) return false;
            out += "@" + domain;
        }
        return is_quoted || !out.empty();
    }

    std::string text_;
    std::size_t at_ = 0;
};

std::vector<std::string> read(const std::string& value)
{
    std::vector<std::string> found;
    const std::string why = ResultsGrammar(value).read(found);
    EXPECT_EQ(why, "") << value;
    return found;
}

gateway::Verdict with_identity(std::string identity, std::string issuer = {}, std::string comment = {})
{
    gateway::Verdict verdict;
    gateway::Layer layer;
    layer.part = "2";
    layer.identity = std::move(identity);
    cms::SignerVerdict signer;
    signer.issuer = std::move(issuer);
    signer.serial = "01ab";
    signer.digest = "sha256";
    layer.signers.push_back(std::move(signer));
    layer.signer = 0;
    if (!comment.empty()) layer.comments.push_back(std::move(comment));
    verdict.layers.push_back(std::move(layer));
    verdict.deciding = 0;
    return verdict;
}

TEST(ResultsGrammar, TakesTheExamplesOfTheStandardAndNoNonsense)
{
    EXPECT_EQ(read("mx.example.net;\n smime=pass (rsa) reason=\"x y\" body.smime-identifier=a@example.org"),
              (std::vector<std::string>{"smime=pass", "reason=x y", "body.smime-identifier=a@example.org"}));
    for (const char* bad : {"", "mx", "mx; smime", "mx; smime=pass (open", "mx; smime=pass body=x",
                            "mx; smime=pa ss", "mx; smime=pass body.x=a b", "mx; smime=pass body.x=\"open",
                            "mx;\nsmime=pass", "mx; smime=pass body.x=a@"}) {
        std::vector<std::string> found;
        const bool only_the_id = std::string(bad) == "mx";
        EXPECT_EQ(ResultsGrammar(bad).read(found).empty(), only_the_id) << bad;
    }
}

TEST(AuthenticationResults, EveryResultIsSaidByItsCode)  // A01
{
    const std::string good = clear_signed(text), plain = head + "\r\nhello\r\n";
    auto hard = request();
    hard.crl = cms::CrlMode::hard;
    const struct {
        std::string octets;
        gateway::VerifyRequest request;
        const char* wanted;
    } table[] = {
        {plain, request(), "none"},
        {head + good, request(), "pass"},
        {head + replaced(good, "Noon", "Never"), request(), "fail"},
        {replaced(head, "alice", "bob") + good, request(), "policy"},
        {head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + good + "\r\n--o--\r\n",
         request(), "neutral"},
        {head + good, hard, "temperror"},
        {head + "From: bob@example.org\r\n" + good, request(), "permerror"},
    };
    for (const auto& row : table) {
        const auto m = message(row.octets);
        const auto verdict = gateway::verify_message(m.header(), m.body(), row.request);
        const auto found = read(gateway::authentication_results("mx.example.net", verdict));
        ASSERT_FALSE(found.empty());
        EXPECT_EQ(found.front(), std::string("smime=") + row.wanted);
    }
}

TEST(AuthenticationResults, PartIsThatOfTheSignature)  // A03
{
    const auto part = [](const std::string& octets) {
        const auto m = message(octets);
        const auto v = gateway::verify_message(m.header(), m.body(), request());
        return read(gateway::authentication_results("mx", v)).back();
    };
    EXPECT_EQ(part(head + clear_signed(text)), "body.smime-part=2");
    EXPECT_EQ(part(head + opaque_signed(text)), "body.smime-part=1");
    EXPECT_EQ(part(head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nx\r\n--o\r\n" +
                   clear_signed(text) + "\r\n--o--\r\n"),
              "body.smime-part=2.2");
    EXPECT_EQ(part(head + clear_signed(clear_signed(text, pki().alice, "=_in"), pki().bob)),
              "body.smime-part=1.2");
}

TEST(AuthenticationResults, AddressesComeBackAsTheyAre)  // A02
{
    const struct {
        const char *address, *read;
    } table[] = {
        {"alice@example.org", "alice@example.org"},
        {"\"alice smith\"@example.org", "alice smith@example.org"},
        {"\"a\\\"b\\\\c\"@example.org", "a\"b\\c@example.org"},
        {"o'brien+x=y@example.org", "o'brien+x=y@example.org"},
        {"\"a;b\"@example.org", "a;b@example.org"},
        {"a..b@example.org", "a..b@example.org"},
        {"j\xc3\xbcrgen@example.org", "j??rgen@example.org"},
        {"alice@b\xc3\xbc\x63her.example", "alice@b??cher.example"},
        {"alice@[192.0.2.1]", "alice@[192.0.2.1]"},
        {"no at sign", "no at sign"},
    };
    for (const auto& row : table)
        EXPECT_EQ(read(gateway::authentication_results("mx", with_identity(row.address))).at(1),
                  std::string("body.smime-identifier=") + row.read);
}

TEST(AuthenticationResults, WhateverACertificateSaysTheGrammarHolds)  // A02
{
    std::mt19937 random(20261124);  // always the same
    const std::string spices = "\"\\()<>@,;:/[]?=. \t\r\n\0smime=pass\xff\xc3\xbc"s;
    const auto noise = [&](std::size_t most) {
        std::string out;
        for (auto n = random() % (most + 1); n > 0; --n)
            out +=
                random() % 3 == 0 ? static_cast<char>('a' + random() % 26) : spices[random() % spices.size()];
        return out;
    };
    for (int i = 0; i < 20'000; ++i) {
        const bool by_issuer = i % 3 == 0;
        const auto verdict = with_identity(by_issuer ? "" : noise(300) + (i % 2 == 0 ? "@example.org" : ""),
                                           noise(300), noise(300));
        const std::string value = gateway::authentication_results("mx.example.org", verdict);
        std::vector<std::string> found;
        ASSERT_EQ(ResultsGrammar(value).read(found), "") << i << ": " << value;
        ASSERT_EQ(
            std::count_if(found.begin(), found.end(), [](const auto& f) { return f.starts_with("smime="); }),
            1)
            << value;
        ASSERT_LE(value.size(), 2000U);
        for (auto& field : gateway::signer_fields(verdict)) {
            ASSERT_TRUE(std::all_of(field.value.begin(), field.value.end(),
                                    [](char c) { return c >= 0x20 && c < 0x7f; }));
            ASSERT_LE(field.value.size(), 200U);
        }
    }
}

TEST(AuthenticationResults, OursGoFromStrangersOnly)  // A05, A06
{
    const auto m = message(
        "Authentication-Results: mx.example.org; dkim=pass\r\nAuthentication-Results: mx.example.org; "
        "smime=pass\r\n"
        "Authentication-Results: other.example; smime=pass\r\nSubject: x\r\n\r\n");
    const auto edits = gateway::remove_forged(m.fields(), "mx.example.org", false);
    ASSERT_EQ(edits.size(), 1U);
    EXPECT_EQ(edits[0].index, 2);
    EXPECT_TRUE(gateway::remove_forged(m.fields(), "mx.example.org", true).empty());
}

TEST(Marks, SignerFieldsSayWhoItWas)
{
    const auto m = message(head + clear_signed(text));
    const auto fields = gateway::signer_fields(gateway::verify_message(m.header(), m.body(), request()));
    std::vector<std::string> found;
    found.reserve(fields.size());
    for (const auto& f : fields) found.push_back(f.name);
    EXPECT_EQ(found, (std::vector<std::string>{"X-SMIME-Fingerprint", "X-SMIME-Serial", "X-SMIME-Issuer",
                                               "X-SMIME-Signer"}));
    EXPECT_EQ(fields.back().value, "alice@example.org");
    EXPECT_EQ(fields.front().value, pki().alice.certificate.fingerprint());
    EXPECT_TRUE(gateway::signer_fields(gateway::Verdict{}).empty());
}

TEST(Marks, LookAlikesOfTagsAreFoundInEveryDisguise)  // A11
{
    for (const char* subject :
         {"[signed] lunch", "[SIGNED] lunch", "[ Signed ] lunch", "=?utf-8?q?[signed]?= lunch",
          "=?utf-8?b?W3NpZ25lZF0=?= lunch", "=?us-ascii?q?=5Bsig?= =?us-ascii?q?ned=5D?= lunch",
          "[signature valid] lunch", "[S/MIME ok] lunch", "[smime: signed] lunch",
          "[decrypted] [signed] lunch", "[sig[signed]ned] lunch", "[valid signature] lunch",
          "[signed                                                                     ] lunch",
          "[\xE2\x80\x8Bsig\xE2\x80\x8Bned] lunch", "[\xC5\xBFigned] lunch", "[s\xD1\x96gned] lunch"}) {
        const auto m = message("Subject: " + std::string(subject) + "\r\n\r\n");
        const std::string value = gateway::tag_subject(m.fields(), "[signature invalid]").front().value;
        EXPECT_TRUE(value.starts_with("[signature invalid]")) << value;
        EXPECT_THAT(value.substr(19), HasSubstr("lunch")) << subject;
        EXPECT_THAT(value.substr(19), Not(HasSubstr("["))) << subject << " gave " << value;
        EXPECT_THAT(value.substr(19), Not(HasSubstr("=?"))) << subject << " gave " << value;
    }
    const auto m = message("Subject: [list] [design] [resigned] lunch\r\n\r\n");
    EXPECT_EQ(gateway::tag_subject(m.fields(), "[signature invalid]").front().value,
              "[signature invalid] [list] [design] [resigned] lunch");

    const auto two = message("Subject: one\r\nX: y\r\nSubject: [signed] two\r\nsubject: three\r\n\r\n");
    const auto edits = gateway::tag_subject(two.fields(), "[t]");
    ASSERT_EQ(edits.size(), 2U);
    EXPECT_EQ(edits[0].value, "[t] one");
    EXPECT_EQ(edits[1].index, 2);
    EXPECT_EQ(edits[1].value, "two");
}

TEST(Marks, AHundredThousandBracketsAreLookedAtOnce)
{
    const std::string field = "Subject: " + std::string(2'000'000, '[') + "]\r\n\r\n";
    const auto header = mime::parse_header(field);
    const auto began = std::clock();
    EXPECT_EQ(gateway::tag_subject(header.fields, "[decrypted]").size(), 1U);
    // A tenth of a second; when each bracket searched for its own end it was a minute.
    EXPECT_LT(static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC, 8.0);
}

}  // namespace
