#include "main/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace daemon_main
{

base::Result<Account> find_account(const std::string& name, const std::string& where)
{
    std::vector<char> buffer(16'384);
    passwd entry{};
    passwd* found = nullptr;
    const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
        if (error != 0)
            return base::fail(base::Code::temporary, where,
                              "cannot look up the user " + name + ": " + std::strerror(error));
        return base::fail(base::Code::configuration, where, "there is no user " + name,
                          "run: adduser --system --group --no-create-home --home /var/lib/smime-milter " +
                              name + " (or name another user in [milter] user)");
    }
    if (entry.pw_uid == 0)
        return base::fail(base::Code::configuration, where, "the user " + name + " is root",
                          "give the daemon a user of its own");
    return Account{name, entry.pw_uid, entry.pw_gid};
}

base::Result<> become(const Account& account)
{
    const auto failed = [&](const char* step) {
        return base::fail(base::Code::permission, account.name,
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
    if (!gone)
        return base::fail(base::Code::internal, account.name, "the privileges of root could not be given up");
    return {};
}

void protect_memory()
{
    // Sandboxes may forbid either; they then take care of it (LimitCORE=0).
    const rlimit none{0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace daemon_main
