// The contract of tests/unit/store_contract.h over a source on a server that
// tests/sources/run has started.  $SOURCE_CONF is a configuration whose first source
// is asked; $SOURCE_FILL a program that makes the certificates (*.der) of the
// directory it is given all that the server has.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "policy/config.h"
#include "store/sources.h"
#include "unit/store_contract.h"

namespace
{

using namespace store_contract;

std::string from_environment(const char* name)
{
    const char* value = getenv(name);  // NOLINT(concurrency-mt-unsafe)
    if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set; run tests/sources/run");
    return value;
}

// Asks through store::Sources, as the daemon does, with a new cache each time.
class Asked final : public CertificateStore
{
public:
    Asked()
    {
        std::vector<base::Problem> problems;
        const auto config = policy::load_config(from_environment("SOURCE_CONF"), problems);
        EXPECT_TRUE(config && !config->certificates.sources.empty()) << text(problems);
        store_ = sources_.store(config->certificates.sources.front(),
                                std::chrono::steady_clock::time_point::max(), {});
    }
    base::Result<std::vector<store::Found>> find(std::string_view address, base::Time at,
                                                 Purpose purpose) const override
    {
        return store_->find(address, at, purpose);
    }
    base::Result<std::vector<store::Found>> by_subject_key_id(base::Octets id) const override
    {
        return store_->by_subject_key_id(id);
    }
    base::Result<std::vector<store::Found>> by_issuer_and_serial(base::Octets issuer,
                                                                 std::string_view serial) const override
    {
        return store_->by_issuer_and_serial(issuer, serial);
    }
    base::Result<std::optional<store::Found>> by_fingerprint(std::string_view hex) const override
    {
        return store_->by_fingerprint(hex);
    }

private:
    base::SystemClock clock_;
    store::Sources sources_{clock_};
    std::unique_ptr<CertificateStore> store_;
};

struct Server {
    static constexpr bool has_keys = false, indexed = false;
    static std::shared_ptr<const CertificateStore> make(const TemporaryDirectory& d,
                                                        const std::vector<cms::Identity>& with)
    {
        int n = 0;
        for (const auto& who : with) d.put(std::to_string(n++) + ".der", who.certificate.der(), 0644);
        const std::string program = from_environment("SOURCE_FILL");
        const pid_t child = fork();
        if (child == 0) {
            execl(program.c_str(), program.c_str(), d.path().c_str(), nullptr);
            _exit(127);
        }
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0) << program;
        return std::make_shared<Asked>();
    }
};

INSTANTIATE_TYPED_TEST_SUITE_P(OnAServer, StoreContract, Server);

}  // namespace
