#include "policy/sender_login.h"

#include <algorithm>

#include "base/ascii.h"
#include "mime/address.h"
#include "mime/domain.h"
#include "mime/utf8.h"
#include "policy/value.h"

namespace policy
{
namespace
{

constexpr const char* wanted = "wanted LOGIN: ADDRESS[, ADDRESS...]";
constexpr std::size_t most_reported = 20;
constexpr std::string_view any_at = "*@";

bool allows_address(std::string_view allowed, std::string_view address)
{
    if (!allowed.starts_with(any_at)) return mime::same_address(allowed, address);
    return mime::domain_of(address) == allowed.substr(any_at.size());
}

// The address as it is compared, or "" when it is none.
std::string canonical(const std::string& item)
{
    mime::Mailbox mailbox;
    if (item.starts_with(any_at)) {
        // Any local part will do to see whether the domain is one ("*" and "?"
        // are letters to RFC 5322).
        if (item.find_first_of("*?", 1) != std::string::npos ||
            !mime::parse_address("a" + item.substr(1), mailbox))
            return {};
        return std::string(any_at) + mime::ascii_domain(mailbox.domain);
    }
    if (item.find('*') != std::string::npos || !mime::parse_address(item, mailbox)) return {};
    return mailbox.address();
}

class Lines
{
public:
    Lines(const std::string& file, LoginMap& map, std::vector<base::Problem>& problems)
        : file_(file), map_(map), problems_(problems)
    {
    }

    void read(std::string_view line)
    {
        ++number_;
        const auto text = base::trim(line);
        if (text.empty() || text.front() == '#') return;
        if (base::is_blank(line.front())) return refuse("the line starts with a blank", wanted);
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return refuse("no \":\" in the line", wanted);
        LoginMap::Line entry;
        entry.login = base::trim(text.substr(0, colon));
        const bool control = std::any_of(entry.login.begin(), entry.login.end(), base::is_control);
        if (entry.login.empty() || control || entry.login.find_first_of("*? ") != std::string::npos ||
            !mime::is_utf8(entry.login))
            return refuse(quoted(entry.login) + " is no login", "name one; patterns are not for logins");
        for (const auto& item : base::split_list(text.substr(colon + 1))) {
            auto address = canonical(item);
            if (address.empty())
                refuse(quoted(item) + " is no address", "wanted one such as a@example.org, or *@example.org");
            else
                entry.addresses.push_back(std::move(address));
        }
        if (!entry.addresses.empty())
            map_.add(std::move(entry));
        else if (base::trim(text.substr(colon + 1)).empty())
            refuse("no address for login " + quoted(entry.login), wanted);
    }

    void finish() const
    {
        if (refused_ > most_reported)
            problems_.push_back({base::Severity::error,
                                 {base::Code::configuration,
                                  file_,
                                  std::to_string(refused_ - most_reported) + " more mistakes of this kind",
                                  {}}});
    }

private:
    void refuse(std::string what, std::string remedy)
    {
        if (++refused_ <= most_reported)
            problems_.push_back({base::Severity::error,
                                 {base::Code::configuration, file_ + ":" + std::to_string(number_),
                                  std::move(what), std::move(remedy)}});
    }

    const std::string& file_;
    LoginMap& map_;
    std::vector<base::Problem>& problems_;
    int number_ = 0;
    std::size_t refused_ = 0;
};

}  // namespace

void LoginMap::add(Line line)
{
    const auto [at, is_new] = index_.try_emplace(base::to_lower(line.login), lines.size());
    if (is_new) {
        lines.push_back(std::move(line));
        return;
    }
    auto& known = lines[at->second].addresses;
    known.insert(known.end(), line.addresses.begin(), line.addresses.end());
}

std::string LoginMap::completed(std::string_view login) const
{
    if (domain.empty() || login.find('@') != std::string_view::npos) return std::string(login);
    return std::string(login) + "@" + domain;
}

bool LoginMap::allows(std::string_view login, std::string_view address) const
{
    if (login.empty() || address.empty()) return false;
    switch (mode) {
        case Mode::mta: return false;
        case Mode::equal: return mime::same_address(completed(login), address);
        case Mode::map: break;
    }
    // As the MTA gave it, else completed by login_domain.
    auto found = index_.find(base::to_lower(login));
    if (found == index_.end()) found = index_.find(base::to_lower(completed(login)));
    if (found == index_.end()) return false;
    for (const auto& allowed : lines[found->second].addresses)
        if (allows_address(allowed, address)) return true;
    return false;
}

void parse_sender_login(const std::string& file, std::string_view content, LoginMap& map,
                        std::vector<base::Problem>& problems)
{
    Lines lines(file, map, problems);
    if (content.starts_with("\xef\xbb\xbf")) content.remove_prefix(3);  // byte order mark
    while (!content.empty()) {
        const auto end = content.find('\n');
        lines.read(content.substr(0, end));
        content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    }
    lines.finish();
}

}  // namespace policy
