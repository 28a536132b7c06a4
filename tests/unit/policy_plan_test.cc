// What recipients with different rules make of one message.
#include "policy_support.h"

namespace
{

using namespace policy;
using policy_test::from;
using policy_test::good;
using policy_test::Mail;

// Rules a, b, c, d for recipients a@x.example and so on; n@x.example has none.
Config rules(const std::vector<std::string>& actions, const std::string& milter = "")
{
    std::string text = milter;
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const std::string letter(1, static_cast<char>('a' + i));
        text += "[rule " + letter + "]\ndirection = any\nrecipient = " + letter + "*@x.example\n" +
                actions[i] + "\n";
    }
    return good(text);
}

struct Planned {
    Config config;  // the plan points into it
    Decision decision;
};

std::unique_ptr<Planned> plan(Config config, const std::string& recipients)
{
    Mail mail(from("alice@example.org"));
    mail.facts.login = mail.facts.mail_from = "alice@example.org";
    mail.facts.recipients.clear();
    for (char c : recipients) mail.facts.recipients.push_back(std::string(1, c) + "@x.example");
    auto out = std::make_unique<Planned>();
    out->config = std::move(config);
    out->decision = decide(out->config, mail.facts);
    return out;
}

const char* const clear = "sign = clear";
const char* const opaque = "sign = opaque\ndigest = sha512";
const char* const required = "sign = clear\nsign_required = yes";
const char* const required_opaque = "sign = opaque\nsign_required = yes";
const char* const nothing = "sign = no";

TEST(Plan, ASignatureIsMadeIfOneRequiresItOrAllWantIt)
{
    const struct {
        std::vector<std::string> actions;
        const char* recipients;
        SignForm sign;
        const char* rule;
        bool is_required;
        const char* reason;
    } table[] = {
        {{clear}, "a", SignForm::clear, "a", false, ""},
        {{clear}, "aaa", SignForm::clear, "a", false, ""},
        {{nothing}, "a", SignForm::no, "", false, ""},
        {{clear, opaque}, "ab", SignForm::clear, "a", false, ""},
        {{opaque, clear}, "ba", SignForm::opaque, "a", false, ""},
        {{clear},
         "an",
         SignForm::no,
         "",
         false,
         "[rule a] asks for a signature, but not for n@x.example (no rule)"},
        {{clear, nothing},
         "ab",
         SignForm::no,
         "",
         false,
         "[rule a] asks for a signature, but not for b@x.example ([rule b])"},
        {{clear, nothing},
         "abbn",
         SignForm::no,
         "",
         false,
         "[rule a] asks for a signature, but not for b@x.example ([rule b]), n@x.example (no rule) and 1 "
         "more"},
        {{required}, "an", SignForm::clear, "a", true, ""},
        {{nothing, required}, "ab", SignForm::clear, "b", true, ""},
        {{opaque, required}, "ab", SignForm::clear, "b", true, ""},
        {{required, required_opaque}, "ba", SignForm::clear, "a", true, ""},
        {{opaque, nothing, required_opaque, required}, "abcdn", SignForm::opaque, "c", true, ""},
    };
    for (const auto& row : table) {
        const auto p = plan(rules(row.actions), row.recipients);
        const auto& got = p->decision.plan;
        EXPECT_EQ(name(got.sign), std::string(name(row.sign))) << row.recipients;
        EXPECT_EQ(got.sign_rule == nullptr ? "" : got.sign_rule->name, row.rule) << row.recipients;
        EXPECT_EQ(got.sign_required, row.is_required);
        EXPECT_EQ(got.no_sign_reason, row.reason);
        // A signature that is required can be made for every mixture.
        EXPECT_FALSE(p->decision.refusal);
        EXPECT_EQ(got.authority.granted, got.sign_rule != nullptr);
    }
}

TEST(Plan, TheFirstRuleInFileOrderStandsForTheMessage)
{
    EXPECT_EQ(plan(rules({nothing, clear}), "nba")->decision.plan.rule->name, "a");
    EXPECT_EQ(plan(rules({nothing, clear}), "nb")->decision.plan.rule->name, "b");
    EXPECT_EQ(plan(rules({nothing, clear}), "n")->decision.plan.rule, nullptr);
}

TEST(Plan, SignaturesOfOthersAreChangedOnlyIfAllWantTheSame)
{
    const char* const inside = "verify = yes\neightbit_signed = opaque";
    const char* const both = "verify = yes\neightbit_signed = opaque\nalready_signed = strip";
    const char* const keep = "verify = yes";
    const struct {
        std::vector<std::string> actions;
        const char* recipients;
        EightBitSigned eightbit;
        AlreadySigned already;
        const char* reason;
    } table[] = {
        {{inside}, "aa", EightBitSigned::opaque, AlreadySigned::keep, ""},
        {{inside, inside}, "ab", EightBitSigned::opaque, AlreadySigned::keep, ""},
        {{both}, "a", EightBitSigned::opaque, AlreadySigned::strip, ""},
        {{keep}, "a", EightBitSigned::pass, AlreadySigned::keep, ""},
        {{inside, keep},
         "ab",
         EightBitSigned::pass,
         AlreadySigned::keep,
         "[rule a] changes signatures, but not the same is wanted for b@x.example ([rule b])"},
        {{inside, both},
         "ab",
         EightBitSigned::pass,
         AlreadySigned::keep,
         "[rule a] changes signatures, but not the same is wanted for b@x.example ([rule b])"},
        {{inside},
         "an",
         EightBitSigned::pass,
         AlreadySigned::keep,
         "[rule a] changes signatures, but not the same is wanted for n@x.example (no rule)"},
    };
    for (const auto& row : table) {
        const auto p = plan(rules(row.actions), row.recipients);
        EXPECT_EQ(p->decision.plan.eightbit_signed, row.eightbit) << row.recipients;
        EXPECT_EQ(p->decision.plan.already_signed, row.already) << row.recipients;
        EXPECT_EQ(p->decision.plan.keep_signed_reason, row.reason);
    }
}

TEST(Plan, ASignatureIsRequiredIfAllRequireItAndToldIfOneWantsIt)
{
    const char* const strict = "verify = yes\nrequire_signature = yes\nsigner_headers = yes";
    const char* const mild = "verify = yes";
    EXPECT_TRUE(plan(rules({strict, strict}), "ab")->decision.plan.require_signature);
    EXPECT_FALSE(plan(rules({strict, mild}), "ab")->decision.plan.require_signature);
    EXPECT_FALSE(plan(rules({strict}), "an")->decision.plan.require_signature);
    EXPECT_TRUE(plan(rules({strict, mild}), "ab")->decision.plan.signer_headers);
    EXPECT_FALSE(plan(rules({mild}), "a")->decision.plan.signer_headers);
}

TEST(Plan, AStripIsDoneOnlyIfAllWantIt)
{
    const char* const valid = "verify = yes\nstrip = valid";
    const char* const any = "verify = yes\nstrip = any";
    const char* const never = "verify = yes";
    const struct {
        std::vector<std::string> actions;
        const char* recipients;
        Strip strip;
        const char* reason;
    } table[] = {
        {{valid}, "aa", Strip::valid, ""},
        {{any}, "a", Strip::any, ""},
        {{any, valid}, "ab", Strip::valid, ""},
        {{never}, "a", Strip::never, ""},
        {{valid, never}, "ab", Strip::never, "[rule a] strips, but not for b@x.example ([rule b])"},
        {{never, any},
         "abn",
         Strip::never,
         "[rule b] strips, but not for a@x.example ([rule a]), n@x.example (no rule)"},
        {{any, nothing}, "ab", Strip::never, "[rule a] strips, but not for b@x.example ([rule b])"},
    };
    for (const auto& row : table) {
        const auto p = plan(rules(row.actions, "[milter]\nlocal_domains = x.example\n"), row.recipients);
        EXPECT_EQ(name(p->decision.plan.strip), std::string(name(row.strip))) << row.recipients;
        EXPECT_EQ(p->decision.plan.no_strip_reason, row.reason);
        EXPECT_EQ(p->decision.plan.verify, row.actions[0] != nothing);
    }
}

TEST(Plan, VerifiesForAllAndTakesTheMildestConsequence)
{
    const auto verify = [](const char* invalid, const char* untrusted, const char* temporary) {
        return std::string("verify = yes\non_invalid = ") + invalid + "\non_untrusted = " + untrusted +
               "\non_temperror = " + temporary;
    };
    const auto strict = verify("reject", "quarantine", "tempfail");
    const auto middle = verify("quarantine", "reject", "tempfail");
    const auto mild = verify("accept", "mark", "accept");
    const struct {
        std::vector<std::string> actions;
        const char* recipients;
        OnResult invalid, untrusted;
        OnTemporary temporary;
    } table[] = {
        {{strict}, "aa", OnResult::reject, OnResult::quarantine, OnTemporary::tempfail},
        {{strict, middle}, "ab", OnResult::quarantine, OnResult::quarantine, OnTemporary::tempfail},
        {{strict, mild}, "ab", OnResult::accept, OnResult::mark, OnTemporary::accept},
        // Who does not verify gets what all get: marks, and nothing worse.
        {{strict}, "an", OnResult::mark, OnResult::mark, OnTemporary::accept},
        {{strict, nothing}, "ab", OnResult::mark, OnResult::mark, OnTemporary::accept},
        {{mild}, "an", OnResult::accept, OnResult::mark, OnTemporary::accept},
    };
    for (const auto& row : table) {
        const auto p = plan(rules(row.actions), row.recipients);
        const auto& got = p->decision.plan;
        EXPECT_TRUE(got.verify);
        EXPECT_EQ(name(got.on_invalid), std::string(name(row.invalid))) << row.recipients;
        EXPECT_EQ(name(got.on_untrusted), std::string(name(row.untrusted))) << row.recipients;
        EXPECT_EQ(static_cast<int>(got.on_temperror), static_cast<int>(row.temporary)) << row.recipients;
    }
    const auto none = plan(rules({nothing}), "an");
    EXPECT_FALSE(none->decision.plan.verify);
    EXPECT_EQ(none->decision.plan.on_invalid, OnResult::accept);
}

TEST(Plan, ADryRunCountsAsNoRuleBesideOthers)
{
    const char* const dry_clear = "sign = clear\ndry_run = yes";
    const char* const dry_required = "sign = clear\nsign_required = yes\ndry_run = yes";
    const char* const dry_verify = "verify = yes\non_invalid = reject\ndry_run = yes";
    const struct {
        std::vector<std::string> actions;
        const char* recipients;
        bool dry_run;
        SignForm sign;
        bool verify;
        const char* reason;
    } table[] = {
        {{dry_clear}, "a", true, SignForm::clear, false, ""},
        {{dry_clear, dry_required}, "ab", true, SignForm::clear, false, ""},
        {{dry_required}, "an", true, SignForm::clear, false, ""},
        {{dry_verify}, "an", true, SignForm::no, true, ""},
        {{clear, dry_clear},
         "ab",
         false,
         SignForm::no,
         false,
         "[rule a] asks for a signature, but not for b@x.example ([rule b], a dry run)"},
        {{nothing, dry_required}, "ab", false, SignForm::no, false, ""},
        {{required, dry_clear}, "ab", false, SignForm::clear, false, ""},
        {{clear, dry_verify},
         "ab",
         false,
         SignForm::no,
         false,
         "[rule a] asks for a signature, but not for b@x.example ([rule b], a dry run)"},
    };
    for (const auto& row : table) {
        const auto p = plan(rules(row.actions), row.recipients);
        const auto& got = p->decision.plan;
        EXPECT_EQ(got.dry_run, row.dry_run) << row.recipients;
        EXPECT_EQ(name(got.sign), std::string(name(row.sign)));
        EXPECT_EQ(got.verify, row.verify);
        EXPECT_EQ(got.no_sign_reason, row.reason);
    }
}

TEST(Plan, TheMostTalkativeLogLevelCounts)
{
    using base::Level;
    const auto at = [](const char* level) { return std::string("sign = no\nlog_level = ") + level; };
    const struct {
        std::vector<std::string> actions;
        const char *recipients, *daemon;
        std::optional<Level> level;
    } table[] = {
        {{nothing}, "an", "info", std::nullopt},
        {{at("debug")}, "a", "info", Level::debug},
        {{at("error")}, "a", "info", Level::error},
        {{at("error"), at("debug")}, "ab", "info", Level::debug},
        {{at("error"), at("warning")}, "ab", "info", Level::warning},
        // Others are logged as the daemon logs.
        {{at("error")}, "an", "info", Level::info},
        {{at("error"), nothing}, "ab", "notice", Level::notice},
        {{at("debug"), nothing}, "ab", "notice", Level::debug},
        {{at("debug") + "\ndry_run = yes", nothing}, "ab", "info", Level::debug},
    };
    for (const auto& row : table) {
        const auto p = plan(rules(row.actions, std::string("[milter]\nlog_level = ") + row.daemon + "\n"),
                            row.recipients);
        EXPECT_EQ(p->decision.plan.log_level, row.level) << row.recipients;
    }
}

TEST(Plan, RulesWithEqualPlansAreOneGroup)
{
    const auto p = plan(rules({clear, clear}), "ab");
    EXPECT_EQ(p->decision.plan.sign, SignForm::clear);
    EXPECT_EQ(p->decision.plan.no_sign_reason, "");
}

TEST(Plan, HasTheDirectionOfTheMessage)
{
    EXPECT_EQ(plan(rules({clear}), "a")->decision.plan.direction, Direction::outgoing);
    EXPECT_EQ(plan(rules({clear}, "[milter]\nlocal_domains = x.example, example.org\n"), "a")
                  ->decision.plan.direction,
              Direction::internal);
}

TEST(Plan, NamesAreThoseOfTheConfiguration)
{
    EXPECT_STREQ(name(Direction::incoming), "incoming");
    EXPECT_STREQ(name(Direction::any), "any");
    EXPECT_STREQ(name(SignForm::opaque), "opaque");
    EXPECT_STREQ(name(Strip::valid), "valid");
    EXPECT_STREQ(name(OnResult::quarantine), "quarantine");
}

}  // namespace
