#include "gateway/identity.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/log.h"

namespace gateway
{
namespace
{

using cms::Finding;

// The first thing in `text` that looks like an address and is not `address`.
std::optional<std::string> other_address(std::string_view text, std::string_view address)
{
    constexpr std::string_view stops = " \t\r\n<>()[]\",;:'";
    for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
        const auto before = text.find_last_of(stops, at);
        const auto begin = before == std::string_view::npos ? 0 : before + 1;
        const auto after = text.find_first_of(stops, at);
        const auto token = text.substr(begin, after == std::string_view::npos ? after : after - begin);
        if (begin == at || token.back() == '@' || mime::same_address(token, address)) continue;
        return std::string(token);
    }
    return std::nullopt;
}

cms::Findings identity_of(const cms::SignerVerdict& signer, const Claimant& claimant)
{
    cms::Findings findings;
    if (claimant.status != mime::AuthorStatus::ok) {
        findings.add(Finding::from_ambiguous);
    } else if (signer.certificate) {
        if (signer.certificate->addresses().empty())
            findings.add(Finding::no_identity);
        else if (!signer.certificate->names(claimant.address))
            findings.add(!claimant.sender.empty() && signer.certificate->names(claimant.sender)
                             ? Finding::sender_only
                             : Finding::identity_mismatch);
    }
    return findings;
}

std::string identity_address(const cms::SignerVerdict& signer, const Claimant& claimant)
{
    if (!signer.certificate || signer.certificate->addresses().empty()) return {};
    if (!claimant.address.empty() && signer.certificate->names(claimant.address)) {
        // As the certificate spells it: that is what was checked.
        for (const auto& address : signer.certificate->addresses())
            if (mime::same_address(address, claimant.address)) return address;
    }
    return signer.certificate->addresses().front();
}

std::string describe(const cms::SignerVerdict& signer)
{
    if (signer.certificate && !signer.certificate->addresses().empty())
        return base::printable(signer.certificate->addresses().front());
    return "serial " + signer.serial;
}

}  // namespace

Claimant claimant_of(const std::vector<mime::Field>& fields, const std::optional<std::string>& from)
{
    Claimant claimant;
    if (from) {
        claimant.status = mime::AuthorStatus::ok;
        claimant.address = *from;
        return claimant;
    }
    const auto author = mime::author_of(fields);
    claimant.status = author.status;
    claimant.address = author.address();
    if (author.status == mime::AuthorStatus::ok) {
        claimant.shown = other_address(author.mailbox.display_name, claimant.address);
        if (!claimant.shown) claimant.shown = other_address(author.mailbox.comments, claimant.address);
    }
    const auto sender = std::find_if(fields.begin(), fields.end(),
                                     [](const mime::Field& f) { return base::iequals(f.name, "Sender"); });
    if (sender != fields.end()) {
        const auto list = mime::parse_mailboxes(sender->value);
        if (list.valid && list.mailboxes.size() == 1) claimant.sender = list.mailboxes[0].address();
    }
    return claimant;
}

void judge_identity(Layer& layer, const Claimant& claimant)
{
    int best = -1;
    cms::Findings best_findings;
    for (std::size_t i = 0; i < layer.signers.size(); ++i) {
        cms::Findings all = layer.signers[i].findings;
        const bool broken = !all.intact();
        all.add(identity_of(layer.signers[i], claimant));
        const auto better = [&] {
            if (best < 0) return true;
            // A broken signer outweighs every good one.
            return broken ? all.code() > best_findings.code()
                          : best_findings.intact() && all.code() < best_findings.code();
        };
        if (better()) {
            best = static_cast<int>(i);
            best_findings = all;
        }
    }
    if (best < 0) {
        if (claimant.status != mime::AuthorStatus::ok) layer.findings.add(Finding::from_ambiguous);
        return;
    }
    layer.signer = best;
    layer.findings.add(best_findings);
    const auto& chosen = layer.signers[static_cast<std::size_t>(best)];
    layer.identity = identity_address(chosen, claimant);
    for (const auto& comment : chosen.comments) layer.comments.push_back(comment);
    for (std::size_t i = 0; i < layer.signers.size(); ++i)
        if (static_cast<int>(i) != best)
            layer.comments.push_back("also signed by " + describe(layer.signers[i]));
    if (claimant.shown) layer.comments.push_back("display name shows " + base::printable(*claimant.shown));
}

}  // namespace gateway
