#include "base/account.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace base
{

Result<Account> find_account(const std::string& name, const std::string& where)
{
    std::vector<char> buffer(16'384);
    passwd entry{};
    passwd* found = nullptr;
    const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
        if (error != 0)
            return fail(Code::temporary, where,
                        "cannot look up the user " + name + ": " + std::strerror(error));
        return fail(Code::configuration, where, "there is no user " + name,
                    "run: adduser --system --group --no-create-home --home /nonexistent " + name +
                        " (or name another user in [milter] user)");
    }
    if (entry.pw_uid == 0)
        return fail(Code::configuration, where, "the user " + name + " is root",
                    "give the daemon a user of its own");
    return Account{name, entry.pw_uid, entry.pw_gid};
}

std::string current_user()
{
    std::vector<char> buffer(16'384);
    passwd entry{};
    passwd* found = nullptr;
    (void)getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? std::to_string(geteuid()) : found->pw_name;
}

std::string group_of(const std::string& user)
{
    const auto account = find_account(user, "");
    if (!account) return user;
    std::vector<char> buffer(16'384);
    group entry{};
    group* found = nullptr;
    (void)getgrgid_r(account->gid, &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? std::to_string(account->gid) : found->gr_name;
}

Result<> become(const Account& account)
{
    const auto failed = [&](const char* step) {
        return fail(Code::permission, account.name,
                    std::string("cannot become this user: ") + step + ": " + std::strerror(errno));
    };
    if (initgroups(account.name.c_str(), account.gid) != 0) return failed("initgroups");
    if (setresgid(account.gid, account.gid, account.gid) != 0) return failed("setresgid");
    if (setresuid(account.uid, account.uid, account.uid) != 0) return failed("setresuid");
    uid_t real = 0, effective = 0, saved = 0;
    gid_t real_group = 0, effective_group = 0, saved_group = 0;
    const bool gone = getresuid(&real, &effective, &saved) == 0 && real == account.uid &&
                      effective == account.uid && saved == account.uid &&
                      getresgid(&real_group, &effective_group, &saved_group) == 0 &&
                      real_group == account.gid && effective_group == account.gid &&
                      saved_group == account.gid && setuid(0) != 0 && seteuid(0) != 0;
    if (!gone) return fail(Code::internal, account.name, "the privileges of root could not be given up");
    return {};
}

}  // namespace base
