#include "policy_support.h"

namespace
{

using namespace policy;
using policy_test::good;
using policy_test::load;
using policy_test::problem;

Rule rule(const std::string& keys)
{
    return good("[milter]\nlocal_domains = example.org, example.net\n[rule a]\n" + keys).rules.at(0);
}

TEST(Trust, PoliciesAreObjectIdentifiersOrAny)
{
    const std::string rule = "[rule a]\nverify = yes\n";
    EXPECT_EQ(load("[trust]\npolicies = 2.23.140.1.5.1.3, 1.2\npolicies = any\n" + rule).text(), "");
    for (const std::string& bad :
         std::vector<std::string>{"1", "3.1", "1.2.", ".1.2", "1..2", "1.02", "1.a", "Any", "-1.2", "1.2 3",
                                  "1." + std::string(40, '1')})
        EXPECT_NE(load("[trust]\npolicies = " + bad + "\n" + rule).text(), "") << bad;
    std::string deep = "1";
    for (int i = 0; i < 64; ++i) deep += ".1";
    EXPECT_NE(load("[trust]\npolicies = " + deep + "\n" + rule).text(), "") << "65 arcs";
}

TEST(RuleConfig, EveryKeyArrives)
{
    const auto r = rule(R"(direction = any
sender    = alice@example.org, *@example.net
sender    = bob@example.org
mail_from = <>, bounce+*@example.org
recipient = *@partner.example
client    = 192.0.2.0/24, ::1
login     = a*
listener  = submission
header    = X-Class: a, b
header    = Sensitivity: *confidential*
subject   = [sign]*
subject   = re: x, y
size      = >10M, < 1K
fallback  = yes
sign      = opaque
sign_required = yes
certificate = by_sender
digest    = sha384
padding   = pss
on_no_cert = tempfail
on_untransformable = opaque
break_dkim = yes
sign_relayed = yes
verify    = yes
strip     = any
on_invalid = quarantine
on_untrusted = tag
on_temperror = tempfail
already_signed = keep
eightbit_signed = pass
encrypt   = no
decrypt   = no
tnef      = pass
dry_run   = yes
log_level = debug
)");
    EXPECT_EQ(r.name, "a");
    EXPECT_EQ(r.at(), "c:3");
    EXPECT_EQ(r.direction, Direction::any);
    EXPECT_EQ(r.sender, (std::vector<std::string>{"alice@example.org", "*@example.net", "bob@example.org"}));
    EXPECT_EQ(r.mail_from, (std::vector<std::string>{"<>", "bounce+*@example.org"}));
    EXPECT_EQ(r.recipient, std::vector<std::string>{"*@partner.example"});
    EXPECT_EQ(r.client.size(), 2U);
    EXPECT_EQ(r.login, std::vector<std::string>{"a*"});
    EXPECT_EQ(r.listener, std::vector<std::string>{"submission"});
    ASSERT_EQ(r.header.size(), 2U);
    EXPECT_EQ(r.header[0].name + "|" + r.header[0].pattern, "X-Class|a, b");
    EXPECT_EQ(r.subject, (std::vector<std::string>{"[sign]*", "re: x, y"}));
    ASSERT_EQ(r.size.size(), 2U);
    EXPECT_TRUE(r.size[0].larger && !r.size[1].larger && r.size[1].octets == 1024);
    EXPECT_TRUE(r.fallback && r.sign_required && r.break_dkim && r.sign_relayed && r.verify && r.dry_run);
    EXPECT_FALSE(r.allow_mismatch);
    EXPECT_EQ(r.sign, SignForm::opaque);
    EXPECT_EQ(r.digest, cms::Digest::sha384);
    EXPECT_EQ(r.padding, cms::Padding::pss);
    EXPECT_EQ(r.on_no_cert, OnNoCertificate::tempfail);
    EXPECT_EQ(r.on_untransformable, OnUntransformable::opaque);
    EXPECT_EQ(r.strip, Strip::any);
    EXPECT_EQ(r.on_invalid, OnResult::quarantine);
    EXPECT_EQ(r.on_untrusted, OnResult::tag);
    EXPECT_EQ(r.on_temperror, OnTemporary::tempfail);
    EXPECT_EQ(r.log_level, base::Level::debug);
}

TEST(RuleConfig, DefaultsOfARuleThatVerifies)
{
    const auto r = rule("verify = yes\n");
    EXPECT_EQ(r.direction, Direction::incoming);
    EXPECT_EQ(r.sign, SignForm::no);
    EXPECT_EQ(r.strip, Strip::never);
    EXPECT_EQ(r.on_invalid, OnResult::mark);
    EXPECT_EQ(r.on_untrusted, OnResult::accept);
    EXPECT_EQ(r.on_temperror, OnTemporary::accept);
    EXPECT_FALSE(r.fallback || r.dry_run || r.log_level);
}

TEST(RuleConfig, DefaultsOfARuleThatSigns)
{
    const auto r = rule("sign = clear\n");
    EXPECT_EQ(r.direction, Direction::outgoing);
    EXPECT_EQ(r.certificate, "by_sender");
    EXPECT_EQ(r.digest, cms::Digest::automatic);
    EXPECT_EQ(r.padding, cms::Padding::pkcs1);
    EXPECT_EQ(r.on_no_cert, OnNoCertificate::pass);
    EXPECT_EQ(r.on_untransformable, OnUntransformable::skip);
    EXPECT_FALSE(r.verify || r.sign_required || r.allow_mismatch || r.break_dkim || r.sign_relayed);
}

TEST(RuleConfig, RequiredSignaturesRefuseWhatCannotBeSigned)
{
    const auto r = rule("sign = clear\nsign_required = yes\n");
    EXPECT_EQ(r.on_no_cert, OnNoCertificate::reject);
    EXPECT_EQ(r.on_untransformable, OnUntransformable::reject);
}

TEST(RuleConfig, ContradictionsAreReported)
{
    const struct {
        const char *keys, *problem;
    } table[] = {
        {"", "c:3: error: [rule a] is empty"},
        {"sender = a@example.org\n",
         "c:3: warning: [rule a] has no action: mail that it matches is left alone"},
        {"sign = no\n",
         "c:4: warning: [rule a] does not sign and has no direction, so it is for incoming mail"},
        {"sign = clear\nverify = yes\n", "c:3: error: [rule a] signs and verifies, but has no direction"},
        {"direction = incoming\nsign = clear\n", "c:5: error: sign is not for incoming mail"},
        {"direction = outgoing\nverify = yes\n", "c:5: error: verify is not for outgoing mail"},
        {"direction = internal\nverify = yes\n", "c:5: error: verify is not for outgoing mail"},
        {"login = *\nverify = yes\n", "c:4: warning: [rule a] never applies"},
        {"sign_required = yes\nverify = yes\n",
         "c:4: error: sign_required does nothing without sign = clear or opaque"},
        {"sign = no\ndirection = outgoing\nsign_required = yes\n",
         "c:6: error: sign_required does nothing without sign"},
        {"sign = clear\nsign_required = yes\non_no_cert = pass\n",
         "c:6: error: on_no_cert = pass contradicts sign_required = yes; wanted tempfail or reject"},
        {"sign = clear\nsign_required = yes\non_untransformable = skip\n",
         "c:6: error: on_untransformable = skip contradicts sign_required = yes; wanted opaque or reject"},
        {"direction = incoming\nstrip = valid\nverify = no\n",
         "c:5: error: strip does nothing without verify = yes"},
        {"sign = clear\non_invalid = reject\n", "c:5: error: on_invalid does nothing without verify = yes"},
        {"verify = yes\ndigest = sha512\n", "c:5: error: digest does nothing without sign = clear or opaque"},
        {"sign = clear\nallow_mismatch = yes\n",
         "c:5: warning: allow_mismatch does nothing with certificate = by_sender"},
        {"sign = clear\nsign = opaque\n", "c:5: error: sign is set twice, first at c:4"},
        {"sign = clear\nclient = 0.0.0.0/0\n", "c:5: error: client 0.0.0.0/0 lets too many sign"},
        {"verify = yes\nrecipents = x@example.org\n",
         "c:5: error: unknown key \"recipents\" in [rule a] (did you mean \"recipient\"?)"},
        {"verify = yes\nfrom = x@example.org\n",
         "c:5: error: unknown key \"from\" in [rule a] (did you mean \"sender\"?)"},
        {"verify = yes\nsender =\n", "c:5: error: sender has no value; give one, or remove the line"},
        {"verify =\nsign = clear\n", "c:4: error: verify has no value; wanted yes|no"},
        {"verify = yes\nsender = ,\n", "c:5: error: sender: \",\" holds no value"},
        {"verify = yes\nsender = example.org\n",
         "c:5: error: sender: \"example.org\" is no address; wanted an address or a pattern such as "
         "*@example.org"},
        {"verify = yes\nsender = @example.org\n",
         "c:5: error: sender: \"@example.org\" has nothing before the \"@\""},
        {"verify = yes\nsender = <a@example.org>\n",
         "c:5: error: sender: \"<a@example.org>\" has angle brackets"},
        {"verify = yes\nsender = <>\n", "c:5: error: sender: \"<>\" has angle brackets"},
        {"verify = yes\nsender = a@example.org b@example.org\n",
         "c:5: error: sender: \"a@example.org b@example.org\" has a "
         "blank inside; separate values by commas"},
        {"verify = yes\nheader = X-Class\n", "c:5: error: header: \"X-Class\" found; wanted Name: pattern"},
        {"verify = yes\nheader = X Class: a\n", "c:5: error: header: \"X Class: a\" found"},
        {"verify = yes\nheader = X-Class:\n", "c:5: error: header: \"X-Class:\" found"},
        {"verify = yes\nsize = 10M\n",
         "c:5: error: size: \"10M\" found; wanted \">\" or \"<\" and a number of octets, or one with a "
         "capital K, M or G, such as >10M"},
        {"verify = yes\nsize = >\n", "c:5: error: size: \">\" found"},
        {"verify = yes\nclient = 10.1.2.3/8\n",
         "c:5: error: client: \"10.1.2.3/8\" has host bits set; wanted the network "
         "10.0.0.0/8 or one address"},
        {"sign = clear\ndigest = sha1\n",
         "c:5: error: digest: \"sha1\" found, wanted automatic, sha256, sha384 or sha512 (did you mean"},
        {"sign = yes\n", "c:4: error: sign: \"yes\" found, wanted no, clear or opaque"},
    };
    for (const auto& row : table) {
        const auto loaded = load(std::string("[milter]\nlocal_domains = example.org\n[rule a]\n") + row.keys);
        ASSERT_EQ(loaded.problems.size(), 1U) << row.keys << loaded.text();
        EXPECT_TRUE(loaded.problems.front().text().starts_with(row.problem))
            << loaded.text() << "wanted " << row.problem;
    }
}

TEST(RuleConfig, KeysAtTheirDefaultContradictNothing)
{
    EXPECT_EQ(load("[rule a]\nverify = yes\nsign_required = no\ndigest = automatic\n").text(), "");
    EXPECT_EQ(load("[rule a]\nsign = clear\nstrip = never\nverify = no\n").text(), "");
}

TEST(RuleConfig, WinmailIsConvertedForWhatIsSignedOrEncryptedAndForWhoIsLocal)
{
    const std::string local = "[milter]\nlocal_domains = example.org\n";
    EXPECT_EQ(load(local + "[rule a]\nsign = clear\ntnef = convert\n").text(), "");
    EXPECT_EQ(load(local + "[rule a]\ndirection = outgoing\nencrypt = mandatory\ntnef = convert\n").text(),
              "");
    EXPECT_EQ(load(local + "[rule a]\ntnef = convert\n").text(), "");
    EXPECT_NE(problem(local + "[rule a]\ndirection = outgoing\ntnef = convert\n")
                  .find("tnef = convert does nothing for outgoing mail without sign or encrypt"),
              std::string::npos);
    EXPECT_NE(
        problem("[rule a]\nverify = yes\ntnef = convert\n").find("nobody is local without local_domains"),
        std::string::npos);
}

TEST(RuleConfig, WhatEncryptsIsForMailThatLeavesAndWhatDecryptsForMailThatComes)
{
    const std::string local = "[milter]\nlocal_domains = example.org\n";
    const auto says = [&](const std::string& rule, const std::string& words) {
        const auto text = problem(local + "[rule a]\n" + rule);
        EXPECT_NE(text.find(words), std::string::npos) << rule << text;
    };
    says("encrypt = maybe\n", "wanted no, never, on_request, opportunistic or mandatory");
    says("encrypt = mandatory\nverify = yes\n", "encrypts and verifies, but has no direction");
    says("direction = incoming\nencrypt = mandatory\n", "encrypt is not for incoming mail");
    says("direction = outgoing\ndecrypt = yes\n", "decrypt is not for outgoing mail");
    says("encrypt = mandatory\nencrypt_bcc = plain\n", "contradicts encrypt = mandatory");
    says("sign = clear\ncipher = aes256-gcm\n", "cipher does nothing without encrypt = on_request or more");
    says("verify = yes\ntag_decrypted = yes\n", "tag_decrypted does nothing without decrypt = yes");
    says("encrypt = on_request\nencrypt_keyword = x\n", "would be taken out of every Subject");
    says("encrypt = on_request\nclient = 0.0.0.0/0\n", "lets too many send as ours");
    EXPECT_NE(problem("[rule a]\ndecrypt = yes\n").find("nobody is local without local_domains"),
              std::string::npos);
    const auto config = good(local +
                             "[rule a]\nencrypt = opportunistic\n[rule b]\ndecrypt = yes\n"
                             "[rule c]\nencrypt = never\nrecipient = *@example.org\n");
    EXPECT_EQ(config.rules[0].direction, Direction::outgoing);
    EXPECT_EQ(config.rules[1].direction, Direction::incoming);
    EXPECT_EQ(config.rules[2].direction, Direction::outgoing);
}

TEST(RuleConfig, SplittingNeedsItsKeyAndTwoKindsOfListeners)
{
    EXPECT_NE(problem("[split]\nkey = /k\n[rule a]\nsign = clear\n")
                  .find("[split] needs key, entrance and reentry"),
              std::string::npos);
    EXPECT_NE(problem("[split]\nkey = /k\nentrance = sub*\nreentry = submit\n[rule a]\nsign = clear\n")
                  .find("is an entrance too"),
              std::string::npos);
    const auto config =
        good("[split]\nkey = /k\nentrance = submission, smtps\nreentry = back\n[rule a]\nsign = clear\n");
    EXPECT_EQ(config.split.entrance.size(), 2U);
}

TEST(RuleConfig, PatternsInQuotesAreRefusedForNothingWouldMatchThem)
{
    for (const char* const setting :
         {"sender = \"*@example.org\"", "recipient = '*@example.org'", "login = \"alice\"",
          "header = X-Class: \"secret\"", "subject = \"[sign]*\""})
        EXPECT_NE(problem(std::string("[rule a]\ndirection = any\nverify = yes\n") + setting + "\n")
                      .find("has quotes around it"),
                  std::string::npos)
            << setting;
    EXPECT_EQ(
        load("[rule a]\nverify = yes\nsender = \"john doe\"@example.org\n").text().find("quotes around"),
        std::string::npos);
}

TEST(RuleConfig, StrippingNeedsToKnowWhoIsLocal)
{
    EXPECT_EQ(problem("[rule a]\nverify = yes\nstrip = valid\n"),
              "c:3: error: signatures are taken off for local recipients only, and nobody is local without "
              "local_domains; set local_domains in [milter], or remove strip");
    EXPECT_TRUE(
        problem("[rule a]\nverify = yes\neightbit_signed = strip\n").starts_with("c:3: error: signatures"));
    EXPECT_EQ(load("[rule a]\ndirection = outgoing\nalready_signed = strip\n").text(), "");
    EXPECT_EQ(load("[milter]\nlocal_domains = example.org\n[rule a]\nverify = yes\nstrip = any\n").text(),
              "");
}

TEST(RuleConfig, ASenderWhoIsNotOursIsReportedWhereRulesSign)
{
    const std::string local = "[milter]\nlocal_domains = example.org\n[rule a]\n";
    EXPECT_TRUE(problem(local + "sign = clear\nsender = *@example.org, *@exmaple.org\n")
                    .starts_with("c:5: warning: nobody is signed for as \"*@exmaple.org\""));
    EXPECT_EQ(load(local + "sign = clear\nsender = *@example.org, *@*, *\n").text(), "");
    EXPECT_EQ(load(local + "verify = yes\nsender = *@partner.example\n").text(), "");
}

TEST(RuleConfig, WhatBecomesOfSignedMailIsAnActionOfItsOwn)
{
    EXPECT_EQ(load("[rule a]\neightbit_signed = opaque\n").text(), "");
    EXPECT_EQ(load("[rule a]\ndirection = any\nalready_signed = strip\n").text(), "");
    EXPECT_EQ(load("[rule a]\nsign = clear\nalready_signed = resign\neightbit_signed = resign\n").text(), "");
    EXPECT_TRUE(problem("[rule a]\nalready_signed = resign\n")
                    .starts_with("c:2: error: already_signed = resign does nothing without sign"));
    EXPECT_TRUE(problem("[rule a]\nverify = yes\neightbit_signed = resign\n")
                    .starts_with("c:3: error: eightbit_signed = resign does nothing without sign"));
    EXPECT_TRUE(problem("[rule a]\nsign = clear\nrequire_signature = yes\n")
                    .starts_with("c:3: error: require_signature does nothing without verify = yes"));
}

TEST(TrustConfig, SignerForTakesAFingerprintAndAPattern)
{
    const std::string hex(64, 'a');
    std::string colons;
    for (int i = 0; i < 32; ++i) colons += std::string(i == 0 ? "" : ":") + "AB";
    const std::string rule = "\n[rule a]\nverify = yes\n";
    EXPECT_EQ(load("[trust]\nsigner_for = " + hex + ": *@example.net\nsigner_for = " + colons +
                   " : a@example.net\n" + rule)
                  .text(),
              "");
    for (const std::string& bad :
         {std::string("*@example.net"), hex, hex + ":", hex.substr(1) + ": *@example.net", hex + ": *",
          hex + ": *@*", hex + " *@example.net", hex + "a: *@example.net"})
        EXPECT_FALSE(load("[trust]\nsigner_for = " + bad + "\n" + rule).text().empty()) << bad;
}

TEST(RuleConfig, InternalNeedsLocalDomains)
{
    EXPECT_TRUE(problem("[rule a]\ndirection = internal\nsign = clear\n")
                    .starts_with("c:2: error: no mail is internal without local_domains"));
}

TEST(RuleConfig, OneCertificateIsForOneNamedSender)
{
    const std::string key = "[key md]\nfile = /md.pfx\n[rule a]\nsign = clear\n";
    const struct {
        const char *keys, *problem;
    } table[] = {
        {"sender = md@example.org\ncertificate = md\n", ""},
        {"sender = *@example.org\ncertificate = md\nallow_mismatch = yes\n", ""},
        {"certificate = md\nallow_mismatch = yes\n", ""},
        {"sender = md@example.org, *@example.org\ncertificate = md\n",
         "c:6: error: one certificate for sender"},
        {"sender = m?@example.org\ncertificate = md\n",
         "c:6: error: one certificate for sender m?@example.org"},
        {"certificate = md\n", "c:5: error: one certificate for every sender"},
        {"sender = md@example.org\ncertificate = mb\n",
         "c:6: error: there is no [key mb] (did you mean \"md\"?); wanted by_sender or the NAME"},
    };
    for (const auto& row : table) {
        const auto text = load(key + row.keys).text();
        EXPECT_TRUE(text.starts_with(row.problem)) << text;
        EXPECT_TRUE(*row.problem != '\0' || text.empty()) << text;
    }
}

TEST(RuleConfig, AKeySectionMayComeAfterTheRuleThatNamesIt)
{
    EXPECT_EQ(load("[rule a]\nsign = clear\nsender = md@example.org\ncertificate = md\n[key md]\nfile = /x\n")
                  .text(),
              "");
}

TEST(RuleConfig, TwoRulesOfOneNameAreAMistake)
{
    EXPECT_TRUE(problem("[rule a]\nverify = yes\n[rule b]\nverify = yes\n[rule a]\nsign = clear\n")
                    .starts_with("c:5: error: [rule a] is there twice, first at c:1"));
}

}  // namespace
