#include "store/key_loader.h"

#include <unistd.h>

#include "base/ascii.h"
#include "base/file.h"
#include "cms/container.h"
#include "cms/token.h"

namespace store
{
namespace
{

constexpr std::size_t largest = 4U << 20;

bool is_key_file(std::string_view name)
{
    const std::string lower = base::to_lower(name);
    return lower.ends_with(".p12") || lower.ends_with(".pfx") || lower.ends_with(".pem");
}

// A key must not be readable by others; a certificate alone may be.
base::Result<std::string> read_key_file(const std::string& path)
{
    auto content = base::read_file(path, largest, base::Secrecy::secret);
    if (content || content.error().code != base::Code::permission) return content;
    auto open = base::read_file(path, largest, base::Secrecy::open);
    const bool harmless = open && open->find("PRIVATE KEY-----") == std::string::npos &&
                          cms::recognise(*open) == cms::Format::pem;
    return harmless ? open : content;
}

// A file may have a password of its own beside it: "alice.p12.password".
constexpr std::string_view own_password_suffix = ".password";

base::Result<std::optional<base::Secret>> own_password(const std::string& path)
{
    const std::string beside = path + std::string(own_password_suffix);
    if (::access(beside.c_str(), F_OK) != 0) return std::optional<base::Secret>();
    return read_password({"file:" + beside});
}

}  // namespace

void KeyLoader::problem(base::Severity severity, base::Error error)
{
    problems_.push_back({severity, std::move(error)});
}

void KeyLoader::warn(const std::string& file, std::string what, std::string remedy)
{
    problem(base::Severity::warning, {base::Code::configuration, file, std::move(what), std::move(remedy)});
}

void KeyLoader::failed(const std::string& path, base::Error error)
{
    failed_stems_.insert(stem(path));
    if (error.remedy.empty() && error.code == base::Code::no_input)
        error.remedy = path != source_.path || !source_.name.empty()
                           ? "put it there, or mend file at " + source_.origin
                           : "make it: install -d -m 0750 -g smime-milter " + path + "; or mend path at " +
                                 source_.origin;
    if (error.remedy.empty()) error.remedy = "export it again; smimectl cert check " + path + " tells more";
    problem(base::Severity::error, std::move(error));
}

bool KeyLoader::beside_a_failure(const std::string& path) const { return failed_stems_.contains(stem(path)); }

void KeyLoader::read(const std::unordered_set<std::string>& skip)
{
    auto password = read_password(source_.password);
    if (password) {
        password_ = std::move(*password);
    } else {
        // Files that need none still load; the others will say so.
        base::Error error = password.error();
        if (error.where.empty()) error.where = source_.origin;
        if (error.remedy.empty())
            error.remedy = "write the password into it, mode 0640, or mend password at " + source_.origin;
        password_failed_ = true;
        problem(base::Severity::error, std::move(error));
    }
    if (!source_.uri.empty())
        read_token();
    else if (base::is_directory(source_.path))
        read_directory(skip);
    else
        read_file(source_.path);
}

void KeyLoader::read_directory(const std::unordered_set<std::string>& skip)
{
    const auto names = base::list_directory(source_.path);
    if (!names) return failed(source_.path, names.error());
    large_ = index_ != nullptr ? index_->serves(names->size()) : names->size() > KeyIndex::worthwhile;
    std::size_t looked_at = 0;
    for (const std::string& name : *names) {
        if (!is_key_file(name)) continue;
        ++looked_at;
        const std::string path = source_.path + "/" + name;
        if (!skip.contains(canonical(path))) read_file(path);
    }
    if (looked_at == 0)
        warn(source_.path, "no *.p12, *.pfx or *.pem in it, so nobody's mail can be signed with it",
             "copy the PFX files there, mode 0640 root:smime-milter");
}

void KeyLoader::read_token()
{
    const auto content = base::read_file(source_.certificate, largest);
    if (!content) return failed(source_.certificate, content.error());
    auto opened = cms::open_container(*content, source_.certificate);
    if (!opened) return failed(source_.certificate, opened.error());
    if (!password_failed_)
        keys_.push_back({cms::open_token({source_.uri, source_.module, password_}), source_.uri, {}});
    for (cms::Certificate& c : opened->certificates) certificates_.push_back({std::move(c), source_.uri});
}

void KeyLoader::read_file(const std::string& path)
{
    if (remembered(path)) return;
    const auto stamp = base::stamp_of(path);  // before it is read: it may be replaced meanwhile
    auto content = read_key_file(path);
    if (!content) return failed(path, content.error());
    const base::Secret owner(std::move(*content));  // wiped when done
    const auto own = own_password(path);
    if (!own) return failed(path + std::string(own_password_suffix), own.error());
    const base::Secret* const password = *own ? &**own : password_ ? &*password_ : nullptr;
    auto opened = cms::open_container(owner.reveal(), path, password);
    if (!opened) {
        base::Error error = opened.error();
        const bool locked = error.code == base::Code::permission;
        if (locked && password == nullptr && !source_.origin.empty())
            error.remedy = "its password belongs into a file that password = file:PATH names " +
                           std::string(source_.name.empty() ? "in [keys]" : "in [key " + source_.name + "]") +
                           " at " + source_.origin + ", or into " + path + std::string(own_password_suffix);
        else if (locked && password != nullptr && password->reveal().empty())
            error.what = "the password file is empty: " +
                         (*own ? path + std::string(own_password_suffix) : source_.password.text);
        else if (locked && password != nullptr)
            error.remedy = "check the password in " +
                           (*own ? path + std::string(own_password_suffix) + " (its first line)"
                                 : source_.password.text +
                                       " (its first line); if this file has another one, write it to " +
                                       path + std::string(own_password_suffix));
        if (locked && password != nullptr && password->reveal().empty())
            error.remedy = "write the password into it, as its only line";
        failed_stems_.insert(stem(path));
        // That the password cannot be read is said already, once for all files.
        if (!locked || password != nullptr || !password_failed_) failed(path, std::move(error));
        return;
    }
    // The few keys of a small site stay in memory: what becomes of their files later
    // disturbs nobody before a reload.
    for (const cms::PrivateKeyHandle& key : opened->keys)
        if (const auto print = key->key_fingerprint(); !large_ && print)
            (void)cache_->get(path + " " + *print, [&key] { return key->native(); });
    KeyIndex::Entry entry;
    entry.legacy = opened->legacy;
    entry.certificates = std::move(opened->certificates);
    for (const cms::PrivateKeyHandle& key : opened->keys) {
        auto print = key->key_fingerprint();
        if (!print) return problem(base::Severity::error, {base::Code::data, path, print.error().what, {}});
        entry.keys.push_back(std::move(*print));
    }
    const bool locked = cms::recognise(owner.reveal()) == cms::Format::pkcs12 ||
                        owner.reveal().find("ENCRYPTED") != std::string::npos;
    if (locked && password_ && !*own) password_proved_ = true;
    keep(path, entry);
    if (index_ != nullptr && large_ && stamp && !*own) {
        entry.stamp = *stamp;
        index_->put(path, std::move(entry));
    }
}

// Not before the password has opened one file of this source: it may have changed.
bool KeyLoader::remembered(const std::string& path)
{
    if (index_ == nullptr || !large_ || (password_ && !password_proved_) || password_failed_) return false;
    const auto stamp = base::stamp_of(path);
    const auto* entry = stamp ? index_->find(path, *stamp) : nullptr;
    // Whoever may read a file of certificates only is nobody's business.
    if (entry == nullptr || (!entry->keys.empty() && !base::check_secrecy(path))) return false;
    keep(path, *entry);
    return true;
}

void KeyLoader::keep(const std::string& path, KeyIndex::Entry entry)
{
    if (entry.legacy) warn_of_outdated_encryption(path);
    for (const std::string& print : entry.keys) keys_.push_back({lazily(path, print), path, print});
    for (cms::Certificate& c : entry.certificates) certificates_.push_back({std::move(c), path});
}

cms::PrivateKeyHandle KeyLoader::lazily(const std::string& path, const std::string& print) const
{
    const auto open = [path, print, source = source_.password]() -> base::Result<cms::NativeKey> {
        const auto own = own_password(path);
        if (!own) return base::fail(own.error());
        const auto password = *own ? own : read_password(source);
        if (!password) return base::fail(password.error());
        auto content = read_key_file(path);
        if (!content) return base::fail(content.error());
        const base::Secret owner(std::move(*content));
        const auto opened = cms::open_container(owner.reveal(), path, *password ? &**password : nullptr);
        if (!opened) return base::fail(opened.error());
        for (const auto& key : opened->keys)
            if (key->key_fingerprint().value_or("") == print) return key->native();
        return base::fail(base::Code::configuration, path, "no longer holds the key that was there",
                          "smimectl reload");
    };
    return cms::PrivateKey::lent(
        [cache = cache_, name = path + " " + print, open] { return cache->get(name, open); });
}

void KeyLoader::warn_of_outdated_encryption(const std::string& path)
{
    const std::string lower = base::to_lower(path);
    warn(path, "written with outdated encryption (RC2, RC4 or 3DES)",
         lower.ends_with(".pem") ? "convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in " + path
                                 : "convert it: openssl pkcs12 -legacy -in " + path +
                                       " -nodes | openssl pkcs12 -export -out NEW.p12");
}

}  // namespace store
