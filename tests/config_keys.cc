// Prints the schema for tests/check-config-docs: section, key, type, default.
#include <cstdio>

#include "policy/schema.h"

int main()
{
    for (const auto& spec : policy::schema())
        std::printf("%.*s\t%.*s\t%.*s\t%.*s\n", static_cast<int>(spec.section.size()), spec.section.data(),
                    static_cast<int>(spec.key.size()), spec.key.data(), static_cast<int>(spec.type.size()),
                    spec.type.data(), static_cast<int>(spec.fallback.size()), spec.fallback.data());
    return 0;
}
