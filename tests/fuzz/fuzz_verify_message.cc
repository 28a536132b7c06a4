// A whole message: judged, stripped, made opaque and reported, and never good
// where nobody is trusted.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gateway/authentication_results.h"
#include "gateway/marks.h"
#include "gateway/reencapsulate.h"
#include "gateway/strip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto message = gateway::message_from_octets({reinterpret_cast<const char*>(data), size}, {});
    if (!message) return 0;
    static const cms::Trust trust;  // no anchor: whatever passes is a bug
    gateway::VerifyRequest request;
    request.trust = &trust;
    const auto verdict = gateway::verify_message(message->header(), message->body(), request);
    if (verdict.result() == cms::Code::pass) std::abort();
    const auto value = gateway::authentication_results("mx.example.org", verdict);
    if (!gateway::forges_results(value, "mx.example.org")) std::abort();  // our own is recognised
    static_cast<void>(gateway::signer_fields(verdict));
    static_cast<void>(gateway::fragile_signed_part(*message));
    for (auto rewrite :
         {gateway::strip_signature(*message, verdict, true), gateway::reencapsulate(*message)}) {
        if (!rewrite) continue;
        gateway::Outcome outcome;
        outcome.header = std::move(rewrite->header);
        outcome.replace_body = true;
        outcome.body = std::move(rewrite->body);
        if (!gateway::message_from_octets(gateway::render(*message, outcome), {})) std::abort();
    }
    return 0;
}
