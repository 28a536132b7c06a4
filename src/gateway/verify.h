// Verifying a message: which signatures it has, what they cover, whose they
// are, and what that amounts to (semantics B).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "cms/finding.h"
#include "cms/verify.h"
#include "mime/address.h"
#include "mime/header.h"
#include "policy/config.h"
#include "store/certificate_store.h"
#include "store/revocation_fetcher.h"

namespace gateway
{

enum class Form { none, clear, opaque };
enum class Scope { none, message, part };

// One signature layer; findings, signers and identity belong to it alone.
struct Layer {
    std::string part;  // IMAP section of the part that holds the signature: "2", "1", "1.2"
    Form form = Form::none;
    cms::Findings findings;  // of structure, of the deciding signer, and of identity
    std::vector<cms::SignerVerdict> signers;
    int signer = -1;       // the one that decides, index into signers
    std::string identity;  // the signer's address (the one equal to From if there is one)
    std::vector<std::string> comments;
    // The signed entity, exactly the digested octets: in the message (clear) or
    // owned by the layer (opaque).
    base::Octets content;
    std::shared_ptr<const std::string> owned;

    [[nodiscard]] cms::Code result() const { return findings.code(); }
};

struct Verdict {
    Scope scope = Scope::none;
    // Outermost first; with Scope::part the signed parts found, as they come.
    std::vector<Layer> layers;
    int deciding = -1;       // index into layers
    cms::Findings findings;  // of the message as a whole
    bool encrypted = false;  // the innermost layer reached is encrypted

    [[nodiscard]] cms::Code result() const { return deciding < 0 ? cms::Code::none : findings.code(); }
    [[nodiscard]] const Layer* layer() const
    {
        return deciding < 0 ? nullptr : &layers[static_cast<std::size_t>(deciding)];
    }
    [[nodiscard]] std::string reason() const;  // stable lower-case phrase; "" for pass and none
};

struct VerifyRequest {
    const cms::Trust* trust = nullptr;  // required
    base::Time at{};
    cms::CrlMode crl = cms::CrlMode::off;
    std::shared_ptr<cms::RevocationSource> revocation;  // with the message's own budget
    bool fetch_crls = false;
    cms::CrlMode ocsp = cms::CrlMode::off;
    bool policy_check = false;
    std::vector<std::string> policies;  // OIDs; empty: any
    bool require_policy = false;
    bool inhibit_mapping = false;
    bool inhibit_any_policy = false;
    std::chrono::seconds expired_grace{0};
    bool allow_sha1 = false;
    // Which certificates speak for addresses that they do not name (semantics B.2
    // step 16); by the SHA-256 fingerprint, lower-case hex.
    std::function<bool(const std::string& fingerprint, const std::string& address)> speaks_for;
    // Which certificates an administrator vouches for, for one address each: no path to
    // an anchor is asked of them.
    std::function<bool(const cms::Certificate& certificate, const std::string& address)> pinned;
    bool accept_sender = false;        // the signer may be the one of Sender (RFC 8550 section 3)
    bool strict_display_name = false;  // another address shown in From's name is a finding
    bool accept_octet_stream = false;  // application/octet-stream named *.p7m (RFC 8551 section 3.10)
    bool teaches = false;              // whether what signers offer is wanted: cms::Offer
    std::optional<std::string> from;   // compare with this instead of the From field
    bool afresh = false;               // cms::PathOptions: for tests
};

// Judges as `config` says, policies of CAs included; `config` must outlive `request`.
void judge_as_configured(VerifyRequest& request, const policy::Judging& config);

// Trusts what `pinned` holds (may be null); it must outlive `request`.
void trust_pinned(VerifyRequest& request, const store::CertificateStore* pinned);

// Lets `request` ask what `config` wants asked; `config` and what `meanwhile` calls
// must outlive it.
void ask_for_revocation(VerifyRequest& request, const policy::Revocation& config,
                        store::RevocationFetcher* fetcher, std::chrono::steady_clock::time_point deadline,
                        store::Meanwhile meanwhile = {});

// `header` and `body` of the message; the result borrows from both.
[[nodiscard]] Verdict verify_message(const mime::Header& header, base::Octets body,
                                     const VerifyRequest& request);

// Could a message with this header carry a signature anywhere?  False spares
// reading the body.
[[nodiscard]] bool may_be_signed(const std::vector<mime::Field>& fields, bool accept_octet_stream);

[[nodiscard]] const char* name(Form f);
[[nodiscard]] const char* name(Scope s);

}  // namespace gateway
