// Puts a certificate into a database as if mail had taught it, for tests/sources:
// learn DATABASE used|pending|rejected CERTIFICATE
#include <cstdio>

#include "base/file.h"
#include "cms/container.h"
#include "store/sqlite_store.h"

int main(int argc, char** argv)
{
    if (argc != 4) return 64;
    std::vector<base::Problem> problems;
    auto database = store::SqliteLearned::open(argv[1], store::OnDamage::refuse, problems);
    const auto state = store::learned_state(argv[2]);
    const auto content = base::read_file(argv[3], 1U << 20);
    if (!database || !state || !content) return 66;
    const auto container = cms::open_container(*content, argv[3]);
    if (!container || container->certificates.empty()) return 65;
    const auto& certificate = container->certificates.front();
    for (const auto& address : certificate.addresses()) {
        const store::Lesson lesson{address, certificate, {}};
        if (const auto put = (*database)->put(lesson, *state, base::SystemClock().now()); !put) {
            std::fprintf(stderr, "%s\n", put.error().text().c_str());
            return 74;
        }
    }
    return 0;
}
