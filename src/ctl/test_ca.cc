// test-ca: a certification authority in a directory, for trying things out.
//
//   DIR/ca.crt       the trust anchor (PEM)
//   DIR/ca.key       its private key (PEM, 0600)
//   DIR/password     the password of every PFX made here (0640)
//   DIR/ADDRESS.p12  key and certificate (0640)
//   DIR/ADDRESS.crt  the certificate (PEM)
//
// One password for all, so that DIR itself can be the path of [keys].
#include "cms/test_ca.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "cms/container.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "mime/address.h"
#include "store/key_store.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t max_file = 1U << 20;
constexpr auto ca_lifetime = std::chrono::days(3650);
constexpr auto lifetime = std::chrono::days(730);
constexpr auto leeway = std::chrono::hours(1);  // for clocks that are behind

bool exists(const std::string& path)
{
    struct stat st{};
    return ::lstat(path.c_str(), &st) == 0;
}

base::Result<> make_directory(const std::string& path)
{
    // The directory itself only: a path with a slip in it must not grow a tree.
    std::error_code error;
    std::filesystem::create_directory(path, error);
    if (!error) return {};
    const bool no_parent = error == std::errc::no_such_file_or_directory;
    return base::fail(Code::cannot_create, path, "cannot create: " + error.message(),
                      no_parent ? "run: mkdir -p " + path : "");
}

base::Result<int> run_init(const std::string& directory)
{
    for (const char* name : {"ca.crt", "ca.key"})
        if (const std::string path = directory + "/" + name; exists(path))
            return base::fail(Code::cannot_create, path, "there is a certification authority already",
                              "use it, or name another directory");
    if (auto ok = make_directory(directory); !ok) return base::fail(ok.error());

    base::SystemRandom random;
    const auto now = base::SystemClock().now();
    cms::CertificateRequest request;
    request.common_name = "smime-milter test CA " + random.hex(8);
    request.rsa_bits = 3072;
    request.ca = true;
    request.not_before = now - leeway;
    request.not_after = now + ca_lifetime;
    const auto ca = cms::issue(request, nullptr);
    if (!ca) return base::fail(ca.error());
    const auto key = cms::to_pem(*ca->key);
    if (!key) return base::fail(key.error());

    // The key first: without it the rest is of no use.
    if (auto ok = base::create_file(directory + "/ca.key", *key, 0600); !ok) return base::fail(ok.error());
    const std::string password = directory + "/password";
    struct stat there{};
    if (::lstat(password.c_str(), &there) == 0 && (there.st_uid != geteuid() || !S_ISREG(there.st_mode)))
        return base::fail(Code::cannot_create, password,
                          "is there already, and not yours: others may know it",
                          "remove it, or name another directory");
    if (!exists(password))
        if (auto ok = base::create_file(password, random.hex(32) + "\n", 0640); !ok)
            return base::fail(ok.error());
    if (auto ok = base::create_file(directory + "/ca.crt", cms::to_pem(ca->certificate), 0644); !ok)
        return base::fail(ok.error());
    const std::string text = fmt::format(
        "{0}/ca.crt    trust anchor: {1}\n"
        "{0}/ca.key    its private key: keep it here\n"
        "{0}/password  password of the PFX files to come\n"
        "\nnext: smimectl test-ca issue {0} alice@example.org\n",
        display(directory), ca->certificate.subject());
    if (auto ok = write_out(text); !ok) return base::fail(ok.error());
    return exit_yes;
}

base::Result<cms::Identity> load_ca(const std::string& directory)
{
    const std::string key_file = directory + "/ca.key";
    const std::string certificate_file = directory + "/ca.crt";
    if (!exists(key_file))
        return base::fail(Code::no_input, key_file, "there is no certification authority",
                          "run: smimectl test-ca init " + directory);
    const auto key = base::read_file(key_file, max_file, base::Secrecy::secret);
    if (!key) return base::fail(key.error());
    const auto certificate = base::read_file(certificate_file, max_file);
    if (!certificate) return base::fail(certificate.error());
    const auto keys = cms::open_container(*key, key_file);
    if (!keys) return base::fail(keys.error());
    const auto certificates = cms::open_container(*certificate, certificate_file);
    if (!certificates) return base::fail(certificates.error());
    if (keys->keys.size() != 1)
        return base::fail(Code::configuration, key_file,
                          "wanted one private key, found " + std::to_string(keys->keys.size()));
    if (certificates->certificates.size() != 1)
        return base::fail(
            Code::configuration, certificate_file,
            "wanted one certificate, found " + std::to_string(certificates->certificates.size()));
    cms::Identity ca{certificates->certificates.front(), keys->keys.front()};
    const auto matches = ca.key->matches(ca.certificate);
    if (!matches) return base::fail(matches.error());
    if (!*matches) return base::fail(Code::configuration, certificate_file, "does not belong to " + key_file);
    return ca;
}

// The address is going to be a file's name.
base::Result<std::string> address_for(const std::string& given)
{
    mime::Mailbox mailbox;
    const bool address = mime::parse_address(given, mailbox);
    if (!address || given.find('/') != std::string::npos || given.starts_with('.') ||
        given.starts_with('-') || given.find_first_of("\"\\ ") != std::string::npos)
        return base::fail(Code::usage, "", "\"" + given + "\" is not an address that can name a file",
                          "write user@example.org");
    return given;
}

struct IssueOptions {
    std::string directory, address;
    bool ec = false;
    std::optional<std::string> rsa;
};

base::Result<int> bits_of(const IssueOptions& options)
{
    if (!options.rsa) return 3072;
    if (options.ec)
        return base::fail(Code::usage, "", "--ec and --rsa exclude each other", "give one of them");
    const auto bits = base::parse_decimal(*options.rsa);
    if (!bits || *bits < 1024 || *bits > 16384)
        return base::fail(Code::usage, "--rsa", "\"" + *options.rsa + "\" is not a number from 1024 to 16384",
                          "write --rsa 3072");
    return static_cast<int>(*bits);
}

base::Result<int> run_issue(const IssueOptions& options)
{
    const auto bits = bits_of(options);
    if (!bits) return base::fail(bits.error());
    const auto address = address_for(options.address);
    if (!address) return base::fail(address.error());
    const auto ca = load_ca(options.directory);
    if (!ca) return base::fail(ca.error());
    const std::string password_file = options.directory + "/password";
    auto password = store::read_password({"file:" + password_file});
    if (!password) return base::fail(password.error());
    if (!*password)
        return base::fail(Code::configuration, password_file, "is empty", "write a password into it");
    const std::string stem = options.directory + "/" + *address;
    if (exists(stem + ".p12"))
        return base::fail(Code::cannot_create, stem + ".p12", "exists already",
                          "remove it if another certificate is wanted");

    const auto now = base::SystemClock().now();
    cms::CertificateRequest request;
    request.common_name = *address;
    request.addresses = {*address};
    request.ec = options.ec;
    request.rsa_bits = *bits;
    request.not_before = now - leeway;
    request.not_after = std::min(now + lifetime, ca->certificate.not_after());
    const auto issued = cms::issue(request, &*ca);
    if (!issued) return base::fail(issued.error());
    const auto pfx = cms::make_pkcs12(*issued->key, issued->certificate, {ca->certificate}, **password);
    if (!pfx) return base::fail(pfx.error());
    if (auto ok = base::create_file(stem + ".p12", *pfx, 0640); !ok) return base::fail(ok.error());
    if (auto ok = base::write_file(stem + ".crt", cms::to_pem(issued->certificate), 0644); !ok)
        return base::fail(ok.error());

    std::error_code ignored;
    const auto absolute = std::filesystem::absolute(options.directory, ignored);
    const std::string shown = display(ignored ? options.directory : absolute.lexically_normal().string());
    const std::string text = fmt::format(
        "{0}.p12  key and certificate: {2}, serial {3}, until {4}\n"
        "{0}.crt  the certificate alone\n"
        "\nfor smime-milter.conf (the files must be readable by the daemon's group):\n"
        "[keys]\npath = {1}\npassword = file:{1}/password\n\n[trust]\nanchors = {1}/ca.crt\n",
        display(stem), shown, describe_key(issued->certificate), issued->certificate.serial(),
        base::iso8601(issued->certificate.not_after()).substr(0, 10));
    if (auto ok = write_out(text); !ok) return base::fail(ok.error());
    return exit_yes;
}

}  // namespace

Run test_ca_init(Options& options, const Global& global)
{
    static_cast<void>(global);  // needs no configuration
    auto directory = std::make_shared<std::string>();
    options.argument("DIR", *directory, "where to make it");
    return [directory] { return run_init(*directory); };
}

Run test_ca_issue(Options& options, const Global& global)
{
    static_cast<void>(global);
    auto o = std::make_shared<IssueOptions>();
    options.argument("DIR", o->directory, "the directory of test-ca init");
    options.argument("ADDRESS", o->address, "whose certificate");
    options.flag("--ec", o->ec, "a P-256 key");
    options.value("--rsa", o->rsa, "BITS", "size of the RSA key, default 3072");
    return [o] { return run_issue(*o); };
}

}  // namespace ctl
