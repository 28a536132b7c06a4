// What strange messages cost beside ordinary ones of their size:
//
//   worst CONFIGURATION FILE...
//
// Each file is processed as mail of alice@example.org going out, and as mail coming in,
// by rules that do all there is; what is no message is taken for a winmail.dat.  Prints
// JSON: how many messages, and the dearest of them with the ratio of their processor
// time to that of an ordinary message of that size: one that is signed, one that is
// verified, one whose winmail.dat is converted.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "gateway/process.h"
#include "mime/codec.h"
#include "unit/tnef_support.h"

namespace
{

constexpr const char* author = "From: Alice <alice@example.org>\r\n";
constexpr const char* rest =
    "To: bob@example.net\r\nSubject: x\r\nDate: Mon, 1 Jun 2026 12:00:00 +0000\r\nMessage-ID: "
    "<x@example.org>\r\nMIME-Version: 1.0\r\n";

std::string contents(const std::string& file)
{
    std::ostringstream octets;
    octets << std::ifstream(file, std::ios::binary).rdbuf();
    return std::move(octets).str();
}

double processor_time()
{
    struct timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

// As alice's, whoever wrote it, so that it is signed.
std::string as_alices(std::string_view octets)
{
    const auto header = mime::parse_header(octets);
    std::string out = author;
    for (const auto& field : header.fields)
        if (!base::iequals(field.name, "From")) out += field.raw;
    if (!out.ends_with("\r\n")) out += "\r\n";
    return out + "\r\n" + std::string(octets.substr(header.body));
}

std::string winmail(std::string_view tnef)
{
    return std::string(author) + rest +
           "Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: "
           "base64\r\n\r\n" +
           mime::base64_lines(tnef);
}

class Gateway
{
public:
    explicit Gateway(const std::string& configuration)
    {
        std::vector<base::Problem> problems;
        snapshot_ = gateway::load_snapshot(configuration, base::SystemClock().now(), problems);
        if (!snapshot_) throw std::runtime_error("the configuration does not load");
    }

    static gateway::Envelope envelope(bool out)
    {
        gateway::Envelope e;
        e.client = out ? "192.0.2.1" : "203.0.113.1";
        e.mail_from = out ? "alice@example.org" : "carol@example.net";
        if (out) e.login = "alice@example.org";
        e.recipients = {out ? "bob@example.net" : "alice@example.org"};
        return e;
    }

    // Milliseconds, the least of some rounds; nothing when it is no message.
    [[nodiscard]] std::optional<double> cost(const std::string& octets, bool out) const
    {
        const auto message = gateway::message_from_octets(octets, envelope(out));
        if (!message) return std::nullopt;
        double least = 1e9;
        double spent = 0;
        for (int round = 0; round < 5 && (round < 2 || spent < 300); ++round) {
            const double before = processor_time();
            arrive(*message);
            const auto outcome = process(*message);
            const double took = processor_time() - before;
            least = std::min(least, took);
            spent += took;
            facts_ = outcome.facts;
        }
        return least;
    }
    [[nodiscard]] std::string fact(std::string_view key) const
    {
        for (const auto& fact : facts_)
            if (fact.key == key) return fact.value;
        return {};
    }
    [[nodiscard]] std::string processed(const std::string& octets, bool out) const
    {
        const auto message = gateway::message_from_octets(octets, envelope(out));
        return message ? gateway::render(*message, process(*message)) : std::string();
    }

private:
    // As the daemon does it while the MTA sends.
    void arrive(const gateway::Message& message) const
    {
        constexpr std::size_t chunk = 65535;
        const auto decision = gateway::at_end_of_header(message.envelope, message.header(), *snapshot_);
        if (!decision.arrival) return;
        for (auto left = message.body(); !left.empty(); left.remove_prefix(std::min(chunk, left.size())))
            decision.arrival->take(left.substr(0, chunk));
        decision.arrival->finish();
    }
    [[nodiscard]] gateway::Outcome process(const gateway::Message& message) const
    {
        base::SeededRandom random(1);
        gateway::World world;
        world.clock = &clock_;
        world.random = &random;
        return gateway::process(message, *snapshot_, world);
    }

    std::shared_ptr<const gateway::Snapshot> snapshot_;
    base::SystemClock clock_;
    mutable std::vector<gateway::Outcome::Fact> facts_;  // of the last one
};

// Costs of ordinary messages by size, and in between.
class Ordinary
{
public:
    explicit Ordinary(const Gateway& gateway)
    {
        for (const std::size_t size :
             {500U, 2000U, 10'000U, 50'000U, 200'000U, 1'000'000U, 5'000'000U, 30'000'000U}) {
            std::string text;
            while (text.size() < size)
                text += "the quick brown fox jumps over the lazy dog, and the dog sleeps.\r\n";
            const auto plain = std::string(author) + rest + "Content-Type: text/plain\r\n\r\n" + text;
            add("signed", plain, gateway, true, "sign");
            const auto made = gateway.processed(plain, true);
            add("verified", made, gateway, false, "");
            const auto tnef = winmail(tnef_test::Tnef().body("Lunch?").file("text.txt", text).octets());
            add("converted", tnef, gateway, true, "");
        }
    }

    [[nodiscard]] double cost(const std::string& kind, std::size_t size) const
    {
        const auto& known = costs_.at(kind);
        const auto above = known.lower_bound(size);
        if (above == known.begin()) return above->second;
        const auto below = std::prev(above);
        if (above == known.end())
            return below->second * static_cast<double>(size) / static_cast<double>(below->first);
        const double part =
            static_cast<double>(size - below->first) / static_cast<double>(above->first - below->first);
        return below->second + part * (above->second - below->second);
    }

private:
    void add(const std::string& kind, const std::string& octets, const Gateway& gateway, bool out,
             const std::string& action)
    {
        const auto cost = gateway.cost(octets, out);
        if (!cost || (!action.empty() && gateway.fact("action") != action))
            throw std::runtime_error("the ordinary message to be " + kind +
                                     " was not: " + gateway.fact("reason"));
        costs_[kind][octets.size()] = *cost;
    }
    std::map<std::string, std::map<std::size_t, double>> costs_;
};

struct Result {
    double ratio, ms;
    std::size_t size;
    std::string file, way;
};

}  // namespace

int main(int argc, char** argv)
try {
    if (argc < 3) {
        std::cerr << "usage: worst CONFIGURATION FILE...\n";
        return 64;
    }
    const Gateway gateway(argv[1]);
    const Ordinary ordinary(gateway);
    std::vector<Result> results;
    for (int i = 2; i < argc; ++i) {
        const std::string octets = contents(argv[i]);
        const bool is_message = gateway::message_from_octets(octets, {}).has_value();
        const std::string as_it_is = is_message ? octets : winmail(octets);
        const bool tnef = !is_message || octets.find("tnef") != std::string::npos ||
                          octets.find("winmail") != std::string::npos;
        for (const bool out : {true, false}) {
            const std::string message = out && is_message ? as_alices(octets) : as_it_is;
            const auto cost = gateway.cost(message, out);
            if (!cost) continue;
            const double usual = ordinary.cost(tnef  ? "converted"
                                               : out ? "signed"
                                                     : "verified",
                                               message.size());
            results.push_back({*cost / usual, *cost, message.size(), argv[i],
                               std::string(out ? "out" : "in") + ", " + gateway.fact("action")});
        }
    }
    std::sort(results.begin(), results.end(),
              [](const Result& a, const Result& b) { return a.ratio > b.ratio; });
    std::printf("{\"messages\": %zu, \"worst\": [", results.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(results.size(), 20); ++i) {
        const Result& r = results[i];
        const auto name = r.file.substr(r.file.rfind('/') + 1);
        std::printf(
            "%s\n {\"ratio\": %.2f, \"ms\": %.3f, \"octets\": %zu, \"file\": \"%s\", \"way\": \"%s\"}",
            i == 0 ? "" : ",", r.ratio, r.ms, r.size, base::printable(name, 80).c_str(), r.way.c_str());
    }
    std::printf("]}\n");
    return 0;
} catch (const std::exception& problem) {
    std::cerr << "worst: " << problem.what() << "\n";
    return 70;
}
