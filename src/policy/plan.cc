#include "policy/plan.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "policy/encryption.h"
#include "policy/match.h"

namespace policy
{
namespace
{

// Recipients to whom the same rule applies.
struct Group {
    const Rule* rule = nullptr;  // nullptr: none
    std::string first;           // one of them, to be named
    std::size_t count = 0;
    bool counts = true;  // false: a dry run beside rules that are none

    [[nodiscard]] const Rule* wishes() const { return counts ? rule : nullptr; }
};

// In file order, those without a rule last.
std::vector<Group> groups_of(const Decision& decision)
{
    std::vector<Group> groups;
    std::unordered_map<const Rule*, std::size_t> index;
    for (const auto& recipient : decision.recipients) {
        const auto [at, is_new] = index.try_emplace(recipient.rule, groups.size());
        if (is_new) groups.push_back({recipient.rule, recipient.recipient, 0, true});
        ++groups[at->second].count;
    }
    // Rules are elements of one vector, so their addresses are in its order.
    std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
        if (a.rule == nullptr || b.rule == nullptr) return a.rule != nullptr;
        return std::less<>()(a.rule, b.rule);
    });
    return groups;
}

// "carol@other.example (no rule)" and the like: who does not want it.
template <class Wants>
std::string without(const std::vector<Group>& groups, Wants wants)
{
    std::string out;
    std::size_t named = 0, more = 0;
    for (const auto& group : groups) {
        if (group.wishes() != nullptr && wants(*group.wishes())) continue;
        if (named++ >= 3) {
            more += group.count;
            continue;
        }
        out += (out.empty() ? "" : ", ") + shown(group.first) + " (" +
               (group.rule == nullptr ? "no rule" : "[rule " + group.rule->name + "]") +
               (group.counts ? "" : ", a dry run") + ")";
        more += group.count - 1;
    }
    return more == 0 ? out : out + " and " + std::to_string(more) + " more";
}

template <class Wants>
const Rule* first_of(const std::vector<Group>& groups, Wants wants)
{
    for (const auto& group : groups)
        if (group.wishes() != nullptr && wants(*group.wishes())) return group.rule;
    return nullptr;
}

template <class Wants>
bool all_of(const std::vector<Group>& groups, Wants wants)
{
    return std::all_of(groups.begin(), groups.end(),
                       [&](const Group& g) { return g.wishes() != nullptr && wants(*g.wishes()); });
}

void sign(const std::vector<Group>& groups, Plan& plan)
{
    const auto signs = [](const Rule& r) { return r.signs(); };
    const auto requires_it = [](const Rule& r) { return r.signs() && r.sign_required; };
    const Rule* wanting = first_of(groups, signs);
    if (wanting == nullptr) return;
    if (const Rule* required = first_of(groups, requires_it)) {
        plan.sign_rule = required;
        plan.sign_required = true;
    } else if (all_of(groups, signs)) {
        plan.sign_rule = wanting;
    } else {
        plan.no_sign_reason =
            "[rule " + wanting->name + "] asks for a signature, but not for " + without(groups, signs);
        return;
    }
    plan.sign = plan.sign_rule->sign;
}

void verify(const std::vector<Group>& groups, Plan& plan)
{
    const auto verifies = [](const Rule& r) { return r.verify; };
    plan.verify = first_of(groups, verifies) != nullptr;
    if (!plan.verify) return;
    // Who does not verify still gets the marks that all get, but nothing worse.
    plan.on_invalid = plan.on_untrusted = OnResult::reject;
    plan.on_temperror = OnTemporary::tempfail;
    for (const auto& group : groups) {
        const Rule* rule = group.wishes();
        const bool own = rule != nullptr && rule->verify;
        plan.on_invalid = std::min(plan.on_invalid, own ? rule->on_invalid : OnResult::mark);
        plan.on_untrusted = std::min(plan.on_untrusted, own ? rule->on_untrusted : OnResult::mark);
        plan.on_temperror = std::min(plan.on_temperror, own ? rule->on_temperror : OnTemporary::accept);
    }
    plan.require_signature = all_of(groups, [](const Rule& r) { return r.verify && r.require_signature; });
    plan.signer_headers =
        first_of(groups, [](const Rule& r) { return r.verify && r.signer_headers; }) != nullptr;
}

void strip(const std::vector<Group>& groups, Plan& plan)
{
    const auto strips = [](const Rule& r) { return r.strip != Strip::never; };
    const Rule* wanting = first_of(groups, strips);
    if (wanting == nullptr) return;
    if (!all_of(groups, strips)) {
        plan.no_strip_reason = "[rule " + wanting->name + "] strips, but not for " + without(groups, strips);
        return;
    }
    plan.strip = Strip::any;
    for (const auto& group : groups) plan.strip = std::min(plan.strip, group.rule->strip);
}

// A signature that somebody else has made is changed only where all want the
// same; else it stays as it is, which is right for everybody.
void already_signed(const std::vector<Group>& groups, Plan& plan)
{
    const auto treats = [](const Rule& r) { return r.treats_signed(); };
    const Rule* wanting = first_of(groups, treats);
    if (wanting == nullptr) return;
    const auto same = [&](const Rule& r) {
        return r.already_signed == wanting->already_signed && r.eightbit_signed == wanting->eightbit_signed;
    };
    if (!all_of(groups, same)) {
        plan.keep_signed_reason = "[rule " + wanting->name +
                                  "] changes signatures, but not the same is wanted for " +
                                  without(groups, same);
        return;
    }
    plan.already_signed = wanting->already_signed;
    plan.eightbit_signed = wanting->eightbit_signed;
}

// Decrypting for one is decrypting for all who get the same copy.
void decrypt(const std::vector<Group>& groups, Plan& plan)
{
    const auto decrypts = [](const Rule& r) { return r.decrypt; };
    const Rule* wanting = first_of(groups, decrypts);
    if (wanting == nullptr || plan.direction != Direction::incoming) return;
    plan.decrypt = all_of(groups, decrypts);
    if (!plan.decrypt)
        plan.no_decrypt_reason =
            "[rule " + wanting->name + "] decrypts, but not for " + without(groups, decrypts);
}

void tnef(const std::vector<Group>& groups, Plan& plan)
{
    const auto converts = [](const Rule& r) { return r.convert_tnef; };
    if (plan.direction != Direction::incoming) {
        plan.convert_tnef = (plan.sign_rule != nullptr && converts(*plan.sign_rule)) ||
                            (plan.encrypt_rule != nullptr && converts(*plan.encrypt_rule));
        return;
    }
    const Rule* wanting = first_of(groups, converts);
    if (wanting == nullptr) return;
    plan.convert_tnef = all_of(groups, converts);
    if (!plan.convert_tnef)
        plan.no_tnef_reason =
            "[rule " + wanting->name + "] converts, but not for " + without(groups, converts);
}

// What was demanded is done or refused, never left out.
void encrypt(const std::vector<Group>& groups, const Config& config, const Facts& facts,
             std::vector<const Rule*> rules, Decision& decision, Plan& plan)
{
    if (plan.direction == Direction::incoming) return;
    for (const auto& group : groups)
        if (group.wishes() != nullptr) rules.push_back(group.rule);
    const auto request = encryption_request(facts, rules);
    const bool asked = request.kind == EncryptionRequest::Kind::yes;
    const bool declined = request.kind == EncryptionRequest::Kind::no;
    if (asked) plan.encrypt_request = request.by;

    const auto encrypts = [](const Rule& r) { return r.encrypts(); };
    const auto demands = [&](const Rule& r) {
        return r.encrypt == Encrypt::mandatory || (asked && r.encrypts());
    };
    const auto wants = [&](const Rule& r) {
        return demands(r) || (r.encrypt == Encrypt::opportunistic && !declined);
    };
    if (asked) {
        const std::string prefix = "encryption was asked for (" + request.by + "), and ";
        const auto provided = [](const Rule& r) { return r.encrypt != Encrypt::no; };
        if (!all_of(groups, provided)) {
            decision.refusal = prefix + "no rule encrypts for " + without(groups, provided);
            return;
        }
        if (const Rule* first = first_of(groups, encrypts); first != nullptr) {
            const auto authority = authority_for(config, facts, *first);
            if (!authority.granted) {
                decision.refusal = prefix + authority.why;
                return;
            }
        }
    }
    const Rule* wanting = first_of(groups, wants);
    const Rule* demanding = first_of(groups, demands);
    if (wanting == nullptr) {
        if (declined && first_of(groups, encrypts) != nullptr)
            plan.no_encrypt_reason = "the author asks for none (" + request.by + ")";
        return;
    }
    plan.may_split = splits(config, facts);
    plan.encrypt_all = all_of(groups, wants);
    if (!plan.may_split && !plan.encrypt_all) {
        const auto others = without(groups, wants);
        if (demanding != nullptr)
            decision.refusal = "this message must be encrypted, and " + others +
                               " would get it too: send it to them in a message of its own";
        else
            plan.no_encrypt_reason = "[rule " + wanting->name + "] encrypts, but not for " + others;
        return;
    }
    plan.encrypt_rule = demanding != nullptr ? demanding : wanting;
    plan.encrypt = demanding != nullptr ? Encrypt::mandatory : Encrypt::opportunistic;
}

// The most talkative; a rule that says nothing, or none, means the daemon's own.
std::optional<base::Level> log_level(const std::vector<Group>& groups, base::Level daemon)
{
    std::optional<base::Level> least;
    bool said = false;
    for (const auto& group : groups) {
        const auto own = group.rule == nullptr ? std::nullopt : group.rule->log_level;
        said = said || own.has_value();
        least = std::min(least.value_or(base::Level::error), own.value_or(daemon));
    }
    return said ? least : std::nullopt;
}

}  // namespace

void combine(const Config& config, const Facts& facts, const std::vector<const Rule*>& asking,
             Decision& decision)
{
    Plan& plan = decision.plan;
    plan.direction = decision.direction.direction;
    auto groups = groups_of(decision);
    if (groups.empty()) return;
    plan.rule = groups.front().rule;
    plan.dry_run = plan.rule != nullptr && std::all_of(groups.begin(), groups.end(), [](const Group& g) {
                       return g.rule == nullptr || g.rule->dry_run;
                   });
    if (!plan.dry_run)
        for (auto& group : groups) group.counts = group.rule == nullptr || !group.rule->dry_run;
    encrypt(groups, config, facts, asking, decision, plan);
    if (plan.rule == nullptr) return;
    sign(groups, plan);
    verify(groups, plan);
    strip(groups, plan);
    already_signed(groups, plan);
    decrypt(groups, plan);
    tnef(groups, plan);
    plan.log_level = log_level(groups, config.log_level);
}

}  // namespace policy
