// Configuration files: whatever stands in one, reading ends with a Config or
// with problems that name a place, and the rules can be decided on.
#include <cstdlib>

#include "policy/config_parse.h"
#include "policy/decide.h"
#include "policy/sender_login.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char*>(data), size);
    std::vector<base::Problem> problems;
    auto parsed = policy::parse_config({{"fuzz", text}}, problems);
    policy::parse_sender_login("fuzz", text, parsed.config.sender_login, problems);
    for (const auto& problem : problems)
        if (!problem.error.where.starts_with("fuzz") || problem.error.what.empty()) std::abort();
    policy::Facts facts;
    facts.client = "192.0.2.1";
    facts.login = facts.mail_from = "a@example.org";
    facts.recipients = {"b@example.net", ""};
    static_cast<void>(policy::shadowed_rules(parsed.config));
    static_cast<void>(policy::decide(parsed.config, facts));
    return 0;
}
