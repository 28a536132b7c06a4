#include "store/source_check.h"

#include <algorithm>
#include <unordered_set>

#include "base/log.h"

namespace store
{
namespace
{

constexpr std::size_t most_remarks = 8, longest_remark = 200;
constexpr std::size_t most_issuers = 8;
constexpr std::size_t decoded = 4096;  // what OpenSSL needs beside the octets of a certificate, about

void remark(Answer& answer, std::string_view text)
{
    if (answer.remarks.size() < most_remarks) answer.remarks.push_back(phrase(text));
}

}  // namespace

std::string phrase(std::string_view text)
{
    std::string out = base::printable(text, longest_remark);
    if (out.size() > longest_remark) out.replace(longest_remark, std::string::npos, "...");
    return out;
}

Answer checked(const SourceAnswer& from, std::string_view address, const SourceSettings& source,
               Provenance::Kind kind, const Sources::Bounds& bounds)
{
    Answer out;
    std::unordered_set<std::string> seen;
    std::size_t looked_at = 0;
    for (const auto& text : from.remarks) remark(out, text);
    out.keep_at_most = from.keep_at_most;
    for (const auto& association : from.associations)
        if (out.associations.size() < CertificateStore::most_found &&
            association.data.size() <= bounds.largest)
            out.associations.push_back(association);
    for (const auto& given : from.certificates) {
        if (++looked_at > bounds.certificates) {
            remark(out, std::to_string(from.certificates.size()) + " certificates, only the first " +
                            std::to_string(bounds.certificates) + " were looked at");
            break;
        }
        if (given.der.size() > bounds.largest) {
            remark(out, "a certificate of " + std::to_string(given.der.size()) + " octets is too large");
            continue;
        }
        auto certificate = cms::Certificate::from_der(given.der);
        if (!certificate) {
            remark(out, "what should be a certificate is none");
            continue;
        }
        if (!certificate->names(address)) {
            remark(out, "certificate " + certificate->serial() + " is for another address");
            continue;
        }
        if (!seen.insert(certificate->der()).second) continue;
        Found found{std::move(*certificate), nullptr,          {kind, source.name, given.vouched}, {},
                    given.preferred,         from.capabilities};
        if (!given.place.empty()) found.origin.file += ": " + phrase(given.place);
        for (std::size_t i = 0; i < given.issuers.size() && i < most_issuers; ++i) {
            if (given.issuers[i].size() > bounds.largest) continue;
            if (auto issuer = cms::Certificate::from_der(given.issuers[i]))
                found.issuers.push_back(std::move(*issuer));
        }
        out.found.push_back(std::move(found));
    }
    std::stable_sort(out.found.begin(), out.found.end(), [](const Found& a, const Found& b) {
        return better_than(a.certificate, b.certificate);
    });
    if (out.found.size() > CertificateStore::most_found)
        out.found.erase(out.found.begin() + CertificateStore::most_found, out.found.end());
    return out;
}

std::size_t octets_of(const Answer& answer)
{
    std::size_t octets = sizeof(Answer);
    for (const auto& text : answer.remarks) octets += sizeof(std::string) + text.size();
    for (const auto& a : answer.associations) octets += sizeof a + a.data.size();
    for (const auto& found : answer.found) {
        octets += sizeof(Found) + found.origin.file.size() + found.certificate.der().size() + decoded;
        for (const auto& issuer : found.issuers) octets += issuer.der().size() + decoded;
    }
    return octets;
}

}  // namespace store
