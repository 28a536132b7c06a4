// Asks the sources of a configuration as the daemon does, for tests/sources/remote:
//
//   ask [--together N] [--purpose encrypt|verify] CONFIGURATION ADDRESS...
//
// One line of JSON for each address and source: what was found, or why nothing could
// be told, and how long it took.  With --together that many ask at the same time.
#include <atomic>
#include <chrono>
#include <exception>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "gateway/snapshot.h"
#include "store/environment.h"
#include "store/sources.h"

namespace
{

using Json = nlohmann::json;
using Steady = std::chrono::steady_clock;

Json json_of(const store::Found& found)
{
    return {{"fingerprint", found.certificate.fingerprint()},
            {"origin", found.origin.text()},
            {"vouched", found.origin.vouched},
            {"issuers", found.issuers.size()}};
}

Json failure(const base::Error& error)
{
    return {{"code", static_cast<int>(error.code)}, {"what", error.what}, {"remedy", error.remedy}};
}

class Questions
{
public:
    Questions(const gateway::Snapshot& snapshot, store::Purpose purpose)
        : snapshot_(snapshot), purpose_(purpose)
    {
    }

    // What is on this machine counts as one source.
    void ask(const std::string& address)
    {
        const auto& all = snapshot_.config.certificates;
        for (const auto& source : all.sources) {
            if (!store::source_kind(source.uri)->waits) continue;
            Json line = {{"address", address},
                         {"source", source.name},
                         {"found", Json::array()},
                         {"remarks", Json::array()}};
            const auto began = Steady::now();
            if (const auto unfit = store::unfit_to_ask(source, address)) {
                line["unfit"] = *unfit;
            } else {
                const auto answer = sources_.ask(source, address, Steady::time_point::max(), {});
                if (!answer) {
                    line["error"] = failure(answer.error());
                } else {
                    line["remarks"] = (*answer)->remarks;
                    for (const auto& found : (*answer)->found)
                        if (!store::unfit_for(purpose_, found.certificate, clock_.now()))
                            line["found"].push_back(json_of(found));
                }
            }
            tell(std::move(line), began);
        }
        Json line = {
            {"address", address}, {"source", ""}, {"found", Json::array()}, {"remarks", Json::array()}};
        const auto began = Steady::now();
        const auto found = snapshot_.certificates->find(address, clock_.now(), purpose_);
        if (!found)
            line["error"] = failure(found.error());
        else
            for (const auto& f : *found) line["found"].push_back(json_of(f));
        tell(std::move(line), began);
    }

private:
    void tell(Json line, Steady::time_point began)
    {
        line["ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began).count();
        const std::string text = line.dump(-1, ' ', true, Json::error_handler_t::replace);
        const std::lock_guard lock(mutex_);
        std::cout << text << '\n' << std::flush;
    }

    const gateway::Snapshot& snapshot_;
    const store::Purpose purpose_;
    base::SystemClock clock_;
    store::Sources sources_{clock_};
    std::mutex mutex_;
};

int run(int argc, char** argv)
{
    store::ignore_environment_of_libraries();
    std::size_t together = 1;
    auto purpose = store::Purpose::encrypt;
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        const std::string option = argv[i], value = argv[i + 1];
        if (option == "--together") together = std::stoul(value);
        if (option == "--purpose" && value == "verify") purpose = store::Purpose::verify;
    }
    if (i >= argc) return 64;
    std::vector<base::Problem> problems;
    const auto snapshot = gateway::load_snapshot(argv[i], base::SystemClock().now(), problems);
    for (const auto& problem : problems) std::cerr << problem.text() << '\n';
    if (snapshot == nullptr) return 78;
    Questions questions(*snapshot, purpose);
    // Addresses from the arguments, or one a line; with "-" each is answered before the
    // next line is read.
    std::vector<std::string> addresses(argv + i + 1, argv + argc);
    if (addresses == std::vector<std::string>{"-"}) {
        for (std::string line; std::getline(std::cin, line);) questions.ask(line);
        return 0;
    }
    if (addresses.empty())
        for (std::string line; std::getline(std::cin, line);) addresses.push_back(line);
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < together; ++t)
        threads.emplace_back([&] {
            for (std::size_t n = next++; n < addresses.size(); n = next++) questions.ask(addresses[n]);
        });
    for (auto& t : threads) t.join();
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::exception& e) {
        std::cerr << argv[0] << ": " << e.what() << '\n';
        return 70;
    }
}
