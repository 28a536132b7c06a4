// Whole messages for the tests of gateway/, signed by the PKI of cms_fixture.h.
#pragma once

#include <string>
#include <vector>

#include "cms_fixture.h"
#include "gateway/message.h"
#include "gateway/outcome.h"
#include "gateway/verify.h"
#include "mime/codec.h"

namespace fixture
{

inline const std::string head =
    "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: lunch\r\nMIME-Version: 1.0\r\n";

// Content-* fields and body, as they stand in a message or in a layer.
inline std::string clear_entity(std::string_view inner, std::string_view der,
                                std::string_view boundary = "=_b", std::string_view micalg = "sha-256")
{
    const std::string b(boundary);
    return "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg=" +
           std::string(micalg) + "; boundary=\"" + b + "\"\r\n\r\n--" + b + "\r\n" + std::string(inner) +
           "\r\n--" + b +
           "\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
           "Content-Transfer-Encoding: base64\r\n\r\n" +
           mime::base64_lines(der) + "--" + b + "--\r\n";
}

inline std::string opaque_entity(std::string_view der, std::string_view kind = "signed-data")
{
    return "Content-Type: application/pkcs7-mime; smime-type=" + std::string(kind) +
           "; name=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + mime::base64_lines(der);
}

inline std::string clear_signed(std::string_view inner, const cms::Identity& who = pki().alice,
                                std::string_view boundary = "=_b")
{
    return clear_entity(inner, sign(who, true, inner), boundary);
}
inline std::string opaque_signed(std::string_view inner, const cms::Identity& who = pki().alice)
{
    return opaque_entity(sign(who, false, inner));
}

inline gateway::Message message(std::string_view octets, gateway::Envelope envelope = {})
{
    return must(gateway::message_from_octets(octets, std::move(envelope)));
}

inline gateway::VerifyRequest request(const cms::Trust& trust = pki().trust)
{
    gateway::VerifyRequest r;
    r.trust = &trust;
    r.at = now;
    return r;
}

// "pass", "fail content-mismatch", "none": of the message as a whole.
inline std::string text_of(const gateway::Verdict& v)
{
    std::string out(cms::name(v.result()));
    for (const cms::Finding f : v.findings.list()) out += " " + std::string(cms::word(f));
    return out;
}
inline std::string judged(std::string_view octets, const gateway::VerifyRequest& r = request())
{
    const auto m = message(octets);
    return text_of(gateway::verify_message(m.header(), m.body(), r));
}
// The layers: "2 pass, 1.2 fail content-mismatch".
inline std::string layers_of(std::string_view octets, const gateway::VerifyRequest& r = request())
{
    const auto m = message(octets);
    std::string out;
    for (const auto& layer : gateway::verify_message(m.header(), m.body(), r).layers) {
        out += (out.empty() ? "" : ", ") + layer.part + " " + std::string(cms::name(layer.result()));
        for (const cms::Finding f : layer.findings.list()) out += " " + std::string(cms::word(f));
    }
    return out;
}
inline std::vector<std::string> comments_of(std::string_view octets,
                                            const gateway::VerifyRequest& r = request())
{
    const auto m = message(octets);
    const auto v = gateway::verify_message(m.header(), m.body(), r);
    return v.layer() == nullptr ? std::vector<std::string>{} : v.layer()->comments;
}

inline std::string replaced(std::string text, std::string_view old, std::string_view with)
{
    const auto at = text.find(old);
    if (at == std::string::npos) throw std::runtime_error("not in the text: " + std::string(old));
    return text.replace(at, old.size(), with);
}

}  // namespace fixture
