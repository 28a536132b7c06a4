#include "store/environment.h"

#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

namespace store
{

void ignore_environment_of_libraries()
{
    std::vector<std::string> names;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        if (text.starts_with("PG") || text.starts_with("LDAP"))
            names.emplace_back(text.substr(0, text.find('=')));
    }
    for (const auto& name : names) unsetenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
    setenv("LDAPNOINIT", "1", 1);                           // NOLINT(concurrency-mt-unsafe)
}

}  // namespace store
