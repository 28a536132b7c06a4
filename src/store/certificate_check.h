// Judging a certificate before it is imported: what it may be used for, and why
// not (semantics C01, C15; RFC 8550 section 4.4; S/MIME Baseline Requirements).
//
// The same rules that signing, encrypting and verifying follow later, said
// beforehand in words for an administrator.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cms/certificate.h"
#include "cms/trust.h"

namespace store
{

struct CheckRequest {
    base::Time now{};
    std::string address;                           // whose it has to be; "" for anybody's
    std::optional<bool> key;                       // its private key: here, or not; unknown is not mentioned
    const cms::Trust* trust = nullptr;             // borrowed; without it the path is not looked at
    const std::vector<cms::Certificate>* helpers;  // borrowed, may be null: beside it in the file
};

enum class Grade { ok, warn, fail };
[[nodiscard]] const char* word(Grade g);  // "ok", "warn", "FAIL"

// One rule, what was found, and what that means; no line ends in it.
struct CheckLine {
    Grade grade = Grade::ok;
    std::string rule;     // "subjectAltName", "BR 6.3.2"
    std::string found;    // "alice@example.org"
    std::string meaning;  // "found by this address"
};

// "" when it may be used so, else why not.  Where several things stand against
// it, the first in the order of the lines.
struct Uses {
    std::string signing, encrypting, decrypting, trusting;
};

struct CheckReport {
    bool authority = false;  // judged as a CA certificate: the e-mail rules do not apply
    std::vector<CheckLine> lines;
    Uses uses;
    [[nodiscard]] bool failed() const;
    [[nodiscard]] const CheckLine* first_failure() const;
};

[[nodiscard]] CheckReport check_certificate(const cms::Certificate& certificate, const CheckRequest& request);

}  // namespace store
