// Private to cms/: what X509_verify_cert() reports, as findings.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "cms/openssl.h"
#include "cms/trust.h"

namespace cms
{

// Collects every error of one path validation; OpenSSL is told to go on, so
// that all of them are seen.  No error is dropped except those that
// `options` (a missing CRL in soft mode, SHA-1 where allowed) makes harmless
// and revocation of an anchor, or of what OCSP knows to be good, that no CRL covers.
class PathErrors
{
public:
    PathErrors(const PathOptions& options, const std::unordered_set<std::string>& anchors,
               const std::unordered_set<std::string>& known_good)
        : options_(options), anchors_(anchors), known_good_(known_good)
    {
    }
    PathErrors(const PathErrors&) = delete;
    PathErrors& operator=(const PathErrors&) = delete;

    void attach(X509_STORE_CTX* context);  // must outlive the validation
    // After the validation: std::bad_alloc when there was no memory to note something.
    // Thrown from within, it would leave behind what OpenSSL holds.
    void insist() const;

    [[nodiscard]] Findings findings() const { return findings_; }
    [[nodiscard]] std::vector<std::string> take_comments() { return std::move(comments_); }

private:
    static int callback(int ok, X509_STORE_CTX* context) noexcept;
    [[nodiscard]] int judge(X509_STORE_CTX* context, bool is_ours);
    void record(X509_STORE_CTX* context);
    void comment(std::string text);

    const PathOptions& options_;
    const std::unordered_set<std::string>& anchors_;
    const std::unordered_set<std::string>& known_good_;  // by OCSP
    Findings findings_;
    std::vector<std::string> comments_;
    bool ran_out_ = false;
};

// What OpenSSL does not look at with purpose "any": issuers whose extended key
// usage leaves no room for e-mail, DSA keys, spelled-out curves.  The anchor's
// usages are taken as they are.
void judge_issuers(PathResult& result);

}  // namespace cms
