// A signature speaks for a person: who may ask for it.
#include <algorithm>

#include "base/ascii.h"
#include "mime/address.h"
#include "policy/decide.h"
#include "policy/match.h"

namespace policy
{
namespace
{

bool was_relayed(const Facts& facts)
{
    if (facts.relayed) return *facts.relayed;
    return facts.header != nullptr &&
           std::any_of(facts.header->begin(), facts.header->end(),
                       [](const mime::Field& field) { return base::iequals(field.name, "Received"); });
}

// Why the login does not speak for the author; "" when it does.
std::string login_objection(const LoginMap& map, const Facts& facts, const std::string& author)
{
    if (map.mode == LoginMap::Mode::mta) {
        if (mime::same_address(author, facts.mail_from)) return {};
        return "From " + shown(author) + " is not MAIL FROM " + shown(facts.mail_from) +
               " (sender_login = mta)";
    }
    if (map.allows(facts.login, author)) return {};
    const std::string who = shown(facts.login) + " may not sign as " + shown(author);
    if (map.mode == LoginMap::Mode::map) return who + " (sender_login has no such line)";
    if (map.domain.empty() && facts.login.find('@') == std::string::npos)
        return who + " (the login is no address: set login_domain or sender_login)";
    return who + " (a login signs for itself only, unless sender_login says more)";
}

// Why the internal host does not speak for the author; "" when it does.
std::string host_objection(const Facts& facts, const Rule& rule, const std::string& author)
{
    const std::string host = "internal client " + shown(facts.client);
    if (!mime::same_address(author, facts.mail_from))
        return host + ": From " + shown(author) + " is not MAIL FROM " + shown(facts.mail_from);
    if (!rule.sign_relayed && was_relayed(facts))
        return host + " has only relayed the message: it has a Received field (see sign_relayed)";
    return {};
}

}  // namespace

Authority authority_for(const Config& config, const Facts& facts, const Rule& rule)
{
    const auto client = facts.client.empty() ? "client of unknown address" : "client " + shown(facts.client);
    const bool internal = any_contains(config.internal_hosts, facts.client);
    const bool named = any_contains(rule.client, facts.client);
    // Who has no standing at all is told that, whatever else may be wrong.
    if (facts.login.empty() && !internal && !named)
        return {false, client + " is not internal and not authenticated"};

    if (facts.author.status != mime::AuthorStatus::ok) return {false, mime::describe(facts.author.status)};
    const auto author = facts.author.address();
    if (facts.mail_from.empty()) return {false, "MAIL FROM is empty"};
    if (!config.local_domains.empty() && !config.is_local(author))
        return {false, shown(author) + " is not in local_domains"};

    if (named) return {true, client + " is named by [rule " + rule.name + "]"};
    std::string why;
    if (!facts.login.empty()) {
        why = login_objection(config.sender_login, facts, author);
        if (why.empty()) return {true, "login " + shown(facts.login) + " may sign as " + shown(author)};
    }
    if (internal) {
        const auto objection = host_objection(facts, rule, author);
        if (objection.empty()) return {true, client + " is in internal_hosts"};
        why += (why.empty() ? "" : "; ") + objection;
    }
    return {false, why};
}

}  // namespace policy
