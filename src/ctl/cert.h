// What the commands of "smimectl cert" share: reading a file of certificates,
// and printing what the checks say.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cms/container.h"
#include "ctl/json.h"
#include "ctl/options.h"
#include "gateway/snapshot.h"
#include "store/certificate_check.h"
#include "store/expiry.h"

namespace ctl
{

// PFX, PEM, DER or PKCS#7, told apart by what is in it.
struct CertificateFile {
    cms::Container content;
    std::string name;
    bool key_for_others = false;  // has a private key and others may read it

    // The key of this certificate among those of the file; null when there is none.
    [[nodiscard]] cms::PrivateKeyHandle key_of(const cms::Certificate& certificate) const;
};
[[nodiscard]] base::Result<CertificateFile> read_certificates(
    const std::string& file, const std::optional<std::string>& password_file);

// "CN=Alice, serial 01ab, RSA 3072, until 2027-01-01"
[[nodiscard]] std::string describe(const cms::Certificate& certificate);

// The lines of a report and what the certificate may be used for, as text.
[[nodiscard]] std::string to_text(const store::CheckReport& report);
[[nodiscard]] Json to_json(const cms::Certificate& certificate, const store::CheckReport& report);

// The configuration with all that it names.  What is wrong with it is reported; `errors`
// counts what could not be read, when there is something all the same.
[[nodiscard]] base::Result<std::shared_ptr<const gateway::Snapshot>> load_configured(
    const Global& global, std::size_t* errors = nullptr);

// What the configuration has.  `kept.file` is "" for those of [trust], whose files are
// not remembered.
struct Held : store::Kept {
    cms::PrivateKeyHandle key;
    bool retired = false;  // a key that only decrypts
    // Of a key: every file of the same [keys] path, or of the same [key NAME], that holds
    // the private key, and every one that holds the certificate.
    std::vector<std::string> key_files = {}, certificate_files = {};
};
[[nodiscard]] std::vector<Held> everything(const gateway::Snapshot& snapshot);

// By an address, or by at least eight digits that the fingerprint begins with; never
// empty, newest first.
[[nodiscard]] base::Result<std::vector<Held>> lookup(const std::string& what,
                                                     const gateway::Snapshot& snapshot);

// The first of the paths that is a directory; "" when none is.
[[nodiscard]] std::string first_directory(const std::vector<std::string>& paths);

}  // namespace ctl
