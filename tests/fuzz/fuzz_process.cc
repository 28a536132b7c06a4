// A whole message through process(), in and out, with rules that do all there is: what
// must be encrypted is never accepted with its body in clear.
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "gateway/process.h"
#include "identity.h"

namespace
{

// While the certificate of the identity is valid.
const base::Time when = base::parse_time("2026-12-01T00:00:00Z").value();

std::shared_ptr<const gateway::Snapshot> load()
{
    std::string directory = "/tmp/fuzz.XXXXXX";
    if (mkdtemp(directory.data()) == nullptr) std::abort();
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream(directory + "/" + name) << text;
    };
    ::umask(077);
    write("alice.pem", fuzz_identity);
    write("smime-milter.conf",
          "[milter]\nsocket = unix:" + directory +
              "/s\nlocal_domains = example.org\n[keys]\npath = " + directory +
              "\n[rule out]\ndirection = outgoing\nsign = clear\nencrypt = mandatory\n"
              "header_protection = baseline\nencrypt_keyword = [secure]\n"
              "[rule in]\ndirection = incoming\ndecrypt = yes\nverify = yes\nstrip = any\n"
              "eightbit_signed = opaque\non_invalid = tag\ntag_decrypted = yes\n");
    std::vector<base::Problem> problems;
    auto snapshot = gateway::load_snapshot(directory + "/smime-milter.conf", when, problems);
    for (const char* name : {"/alice.pem", "/smime-milter.conf", ""}) ::remove((directory + name).c_str());
    if (snapshot == nullptr) std::abort();
    return snapshot;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    static const auto snapshot = load();
    const bool out = data[0] % 2 == 0;
    gateway::Envelope envelope;
    envelope.mail_from = "alice@example.org";
    if (out) envelope.login = "alice@example.org";
    envelope.recipients = {"alice@example.org"};
    const auto message =
        gateway::message_from_octets({reinterpret_cast<const char*>(data) + 1, size - 1}, envelope);
    if (!message || message->header().fields.size() > 9000) return 0;  // room for what is added
    static const base::FixedClock clock(when);
    base::SeededRandom random(1);
    gateway::World world;
    world.clock = &clock;
    world.random = &random;
    static_cast<void>(gateway::at_end_of_header(message->envelope, message->header(), *snapshot));
    const auto outcome = gateway::process(*message, *snapshot, world);
    const auto octets = gateway::render(*message, outcome);
    if (!gateway::message_from_octets(octets, {})) std::abort();
    if (out && outcome.action == gateway::Action::accept) {
        const auto* encrypted = outcome.fact("cipher");
        const auto* before = outcome.fact("encrypt");
        if (encrypted == nullptr && (before == nullptr || *before != "by the author")) std::abort();
    }
    return 0;
}
