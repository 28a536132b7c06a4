// Encrypted messages from a stranger, for a key that is there: opened or not, and
// what comes out is a message.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cms/container.h"
#include "cms/decrypt.h"
#include "gateway/decrypt.h"
#include "gateway/header_protection.h"
#include "gateway/onto.h"
#include "identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view octets(reinterpret_cast<const char*>(data), size);
    static const auto container = cms::open_container(fuzz_identity, "identity.h");
    if (!container) std::abort();
    static const store::Identity identity{
        "fuzz", "", "", "", false, container->certificates.front(), container->keys.front(), {}};
    if (const auto envelope = cms::Enveloped::read(octets)) {
        static_cast<void>(envelope->names(identity.certificate));
        static_cast<void>(envelope->decrypt(identity.certificate, *identity.key));
    }
    const auto message = gateway::message_from_octets(octets, {});
    if (!message) return 0;
    gateway::DecryptSpec spec;
    spec.identities = {&identity};
    const auto made = gateway::decrypt_message(*message, spec);
    if (made.kind != gateway::Decryption::Kind::decrypted) return 0;
    static_cast<void>(gateway::promote(*message, *made.entity, gateway::Verdict{}));
    const auto inner = gateway::rewritten(*message, made.rewrite, {});
    if (!inner) std::abort();
    gateway::Outcome nothing;
    const auto back = gateway::onto(*message, *inner, nothing);
    if (!gateway::message_from_octets(gateway::render(*message, back), {})) std::abort();
    return 0;
}
