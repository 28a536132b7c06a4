#include "gateway/identity.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/log.h"
#include "mime/encoded_word.h"

namespace gateway
{
namespace
{

using cms::Finding;

// The first thing in `text` that looks like an address and is not `address`.
// Each word is looked at once: a stranger may have written a hundred thousand "@".
std::optional<std::string> other_address(std::string_view text, std::string_view address)
{
    constexpr std::string_view stops = " \t\r\n<>()[]\",;:'";
    constexpr std::size_t longest = 320;  // RFC 5321 section 4.5.3.1: 64 + "@" + 255
    while (true) {
        const auto begin = text.find_first_not_of(stops);
        if (begin == std::string_view::npos) return std::nullopt;
        text.remove_prefix(begin);
        const auto token = text.substr(0, text.find_first_of(stops));
        text.remove_prefix(token.size());
        const auto at = token.rfind('@');
        if (at == std::string_view::npos || at == 0 || token.back() == '@' || token.size() > longest ||
            mime::same_address(token, address))
            continue;
        return std::string(token);
    }
}

// As mail programs show it: encoded-words decoded, and the other signs that look
// like "@" (fullwidth U+FF20, small U+FE6B) taken for one.
std::string as_shown(std::string_view display_name)
{
    const std::string text = mime::decode_encoded_words(display_name);
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto sign = std::string_view(text).substr(i, 3);
        const bool at = sign == "\xef\xbc\xa0" || sign == "\xef\xb9\xab";
        out += at ? '@' : text[i];
        i += at ? sign.size() : 1;
    }
    return out;
}

// The administrator says that this certificate speaks for the author.
bool is_mapped(const cms::SignerVerdict& signer, const Claimant& claimant)
{
    return claimant.speaks_for && signer.certificate && claimant.status == mime::AuthorStatus::ok &&
           claimant.speaks_for(signer.certificate->fingerprint(), claimant.address);
}

// Somebody has looked at this very certificate and vouches for it: nobody else has to.
// What is wrong with itself still counts, and that a local CRL names it; nobody else is
// asked, for there is no path to an anchor.
void trust_if_pinned(cms::SignerVerdict& signer, const Claimant& claimant)
{
    if (!claimant.pinned || !signer.certificate || claimant.status != mime::AuthorStatus::ok ||
        signer.certificate->unknown_critical_extension() ||
        !claimant.pinned(*signer.certificate, claimant.address))
        return;
    for (const auto f : {Finding::untrusted, Finding::path_invalid, Finding::policy_unsatisfied,
                         Finding::revocation_unknown})
        signer.findings.remove(f);
    signer.comments.emplace_back("its certificate is pinned for " + base::printable(claimant.address));
}

cms::Findings identity_of(const cms::SignerVerdict& signer, const Claimant& claimant)
{
    cms::Findings findings;
    if (claimant.status != mime::AuthorStatus::ok) {
        findings.add(Finding::from_ambiguous);
    } else if (signer.certificate) {
        if (is_mapped(signer, claimant)) return findings;
        if (signer.certificate->addresses().empty())
            findings.add(Finding::no_identity);
        else if (signer.certificate->names(claimant.address))
            return findings;
        else if (claimant.sender.empty() || !signer.certificate->names(claimant.sender))
            findings.add(Finding::identity_mismatch);
        else if (!claimant.accept_sender)
            findings.add(Finding::sender_only);
    }
    return findings;
}

std::string identity_address(const cms::SignerVerdict& signer, const Claimant& claimant)
{
    if (is_mapped(signer, claimant)) return claimant.address;
    if (!signer.certificate || signer.certificate->addresses().empty()) return {};
    // As the certificate spells it: that is what was checked.
    for (const auto& claimed : {claimant.address, claimant.accept_sender ? claimant.sender : std::string()})
        for (const auto& address : signer.certificate->addresses())
            if (!claimed.empty() && mime::same_address(address, claimed)) return address;
    return signer.certificate->addresses().front();
}

std::string describe(const cms::SignerVerdict& signer)
{
    if (signer.certificate && !signer.certificate->addresses().empty())
        return base::printable(signer.certificate->addresses().front());
    return "serial " + signer.serial;
}

}  // namespace

Claimant claimant_of(const std::vector<mime::Field>& fields, const VerifyRequest& request)
{
    Claimant claimant;
    claimant.speaks_for = request.speaks_for;
    claimant.pinned = request.pinned;
    claimant.strict = request.strict_display_name;
    claimant.accept_sender = request.accept_sender;
    if (request.from) {
        claimant.status = mime::AuthorStatus::ok;
        claimant.address = *request.from;
        return claimant;
    }
    const auto author = mime::author_of(fields);
    claimant.status = author.status;
    claimant.address = author.address();
    if (author.status == mime::AuthorStatus::ok) {
        claimant.shown = other_address(as_shown(author.mailbox.display_name), claimant.address);
        if (!claimant.shown)
            claimant.shown = other_address(as_shown(author.mailbox.comments), claimant.address);
    }
    if (const auto* sender = mime::find_field(fields, "Sender")) {
        const auto list = mime::parse_mailboxes(sender->value);
        if (list.valid && list.mailboxes.size() == 1) claimant.sender = list.mailboxes[0].address();
    }
    return claimant;
}

void judge_identity(Layer& layer, const Claimant& claimant)
{
    int best = -1;
    bool best_broken = false, best_matches = false;
    cms::Findings best_findings;
    for (std::size_t i = 0; i < layer.signers.size(); ++i) {
        trust_if_pinned(layer.signers[i], claimant);
        cms::Findings all = layer.signers[i].findings;
        const bool broken = !all.intact();
        const auto identity = identity_of(layer.signers[i], claimant);
        const bool matches = identity.empty();
        all.add(identity);
        // A broken signer outweighs every good one; among the good ones the author
        // counts, and then whom least can be said against.
        const bool better = best < 0                  ? true
                            : broken != best_broken   ? broken
                            : broken                  ? all.code() > best_findings.code()
                            : matches != best_matches ? matches
                                                      : all.code() < best_findings.code();
        if (!better) continue;
        best = static_cast<int>(i);
        best_broken = broken;
        best_matches = matches;
        best_findings = all;
    }
    if (best < 0) {
        if (claimant.status != mime::AuthorStatus::ok) layer.findings.add(Finding::from_ambiguous);
        return;
    }
    layer.signer = best;
    layer.findings.add(best_findings);
    const auto& chosen = layer.signers[static_cast<std::size_t>(best)];
    layer.identity = identity_address(chosen, claimant);
    if (chosen.certificate && claimant.status == mime::AuthorStatus::ok && claimant.accept_sender &&
        !chosen.certificate->names(claimant.address) && chosen.certificate->names(claimant.sender))
        layer.comments.emplace_back("signed by the Sender");
    if (is_mapped(chosen, claimant) && !chosen.certificate->names(claimant.address))
        layer.comments.emplace_back("its certificate speaks for this address by configuration");
    for (const auto& comment : chosen.comments) layer.comments.push_back(comment);
    for (std::size_t i = 0; i < layer.signers.size(); ++i)
        if (static_cast<int>(i) != best)
            layer.comments.push_back("also signed by " + describe(layer.signers[i]));
    if (claimant.shown && claimant.strict) layer.findings.add(Finding::display_name);
    if (claimant.shown) layer.comments.push_back("display name shows " + base::printable(*claimant.shown));
}

}  // namespace gateway
