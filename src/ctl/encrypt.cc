// encrypt: for the certificates given; no rules.
#include "gateway/encrypt.h"

#include <memory>

#include "base/file.h"
#include "cms/container.h"
#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/output.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t max_certificate_file = 1U << 20;

struct EncryptOptions {
    std::vector<std::string> to;
    std::string cipher;
    bool oaep = false;
    std::string message;
};

// The first certificate of the file that does not belong to a CA.
base::Result<cms::Certificate> recipient(const std::string& file, base::Time now)
{
    const auto octets = base::read_file(file, max_certificate_file, base::Secrecy::open);
    if (!octets) return base::fail(octets.error());
    const auto container = cms::open_container(*octets, file, nullptr);
    if (!container) {
        auto error = container.error();
        // A key of one's own, mostly, where the recipient's certificate is wanted.
        if (error.code == Code::permission || cms::recognise(*octets) == cms::Format::pkcs12)
            error.remedy =
                "name the certificate alone, in PEM or DER: encrypting wants no key and no password";
        return base::fail(std::move(error));
    }
    for (const auto& certificate : container->certificates) {
        if (certificate.is_ca()) continue;
        if (const auto why = cms::unfit_for_encryption(certificate))
            return base::fail(Code::data, file, "cannot be encrypted for: " + *why);
        if (!certificate.valid_at(now))
            return base::fail(Code::data, file,
                              certificate.not_before() > now ? "the certificate is not valid yet"
                                                             : "the certificate has expired",
                              "ask the recipient for a current one");
        return certificate;
    }
    return base::fail(Code::data, file, "no certificate of a person in it",
                      "name the recipient's certificate, in PEM or DER");
}

base::Result<int> run_encrypt(const EncryptOptions& options)
{
    if (options.to.empty())
        return base::fail(Code::usage, "", "encrypt: nobody to encrypt for", "add --to-cert FILE");
    const auto message = read_message(options.message);
    if (!message) return base::fail(message.error());
    const auto now = base::SystemClock().now();
    std::vector<cms::Certificate> recipients;
    for (const auto& file : options.to) {
        auto certificate = recipient(file, now);
        if (!certificate) {
            if (certificate.error().code != Code::data) return base::fail(certificate.error());
            const auto& e = certificate.error();
            remark("not encrypted: " + e.where + ": " + e.what + (e.remedy.empty() ? "" : "; " + e.remedy));
            return exit_no;
        }
        recipients.push_back(std::move(*certificate));
    }
    gateway::EncryptSpec spec;
    spec.recipients = recipients;
    if (!options.cipher.empty()) spec.cipher = *cms::cipher_named(options.cipher);
    spec.key_transport = options.oaep ? cms::KeyTransport::oaep : cms::KeyTransport::pkcs1;
    auto made = gateway::encrypt_message(*message, spec);
    if (!made) {
        remark("not encrypted: " + made.error());
        return exit_no;
    }
    gateway::Outcome outcome;
    outcome.header = std::move(made->header);
    outcome.replace_body = true;
    outcome.body = std::move(made->body);
    if (auto ok = write_out(gateway::render(*message, outcome)); !ok) return base::fail(ok.error());
    return exit_yes;
}

}  // namespace

Run encrypt(Options& options, const Global& global)
{
    static_cast<void>(global);  // needs no configuration
    auto o = std::make_shared<EncryptOptions>();
    options.values("--to-cert", o->to, "FILE", "certificate of a recipient; may be repeated");
    options.choice("--cipher", o->cipher,
                   {"aes128-cbc", "aes192-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"},
                   "default: aes256-cbc");
    options.flag("--oaep", o->oaep, "RSAES-OAEP with SHA-256 instead of PKCS#1 v1.5");
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o] { return run_encrypt(*o); };
}

}  // namespace ctl
