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
        source_ = config->certificates.sources.front();
    }
    base::Result<std::vector<store::Found>> find(std::string_view address, base::Time at,
                                                 Purpose purpose) const override
    {
        std::vector<store::Found> out;
        if (purpose == Purpose::sign || purpose == Purpose::decrypt || store::unfit_to_ask(source_, address))
            return out;
        const auto answer = sources_.ask(source_, address, std::chrono::steady_clock::time_point::max(), {});
        if (!answer) return base::fail(answer.error());
        for (const auto& found : (*answer)->found)
            if (!store::unfit_for(purpose, found.certificate, at)) out.push_back(found);
        return out;
    }
    // Nothing but addresses is asked over a network.
    base::Result<std::vector<store::Found>> by_subject_key_id(base::Octets) const override
    {
        return std::vector<store::Found>();
    }
    base::Result<std::vector<store::Found>> by_issuer_and_serial(base::Octets,
                                                                 std::string_view) const override
    {
        return std::vector<store::Found>();
    }
    base::Result<std::optional<store::Found>> by_fingerprint(std::string_view) const override
    {
        return std::optional<store::Found>();
    }

private:
    base::SystemClock clock_;
    mutable store::Sources sources_{clock_};
    store::SourceSettings source_;
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
