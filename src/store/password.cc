#include <cstdlib>

#include "base/file.h"
#include "store/key_store.h"

namespace store
{
namespace
{

constexpr std::size_t longest = 4096;

base::Result<base::Secret> read_secret(const std::string& path)
{
    auto content = base::read_file(path, longest, base::Secrecy::secret);
    if (!content) return base::fail(content.error());
    if (content->ends_with('\n')) content->pop_back();
    if (content->ends_with('\r')) content->pop_back();
    base::Secret secret(std::move(*content));
    if (secret.reveal().find('\0') != std::string::npos)
        return base::fail(base::Code::data, path, "a password cannot contain NUL");
    return secret;
}

}  // namespace

bool has_credentials()
{
    const char* directory = secure_getenv("CREDENTIALS_DIRECTORY");
    return directory != nullptr && *directory != '\0';
}

base::Result<std::optional<base::Secret>> read_password(const PasswordSource& source)
{
    const std::string_view text = source.text;
    if (text.empty()) return std::optional<base::Secret>();
    constexpr std::string_view credential = "credential:", file = "file:";
    std::string path;
    if (text.starts_with(file)) {
        path = text.substr(file.size());
        if (path.empty()) return base::fail(base::Code::configuration, "", "file: without a path");
    } else if (text.starts_with(credential)) {
        const std::string name(text.substr(credential.size()));
        if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
            return base::fail(base::Code::configuration, "",
                              "\"" + name + "\" cannot be the name of a credential");
        if (!has_credentials())
            return base::fail(base::Code::no_input, std::string(text),
                              "there are no credentials ($CREDENTIALS_DIRECTORY is not set)",
                              "add LoadCredential=" + name + ":/path/to/password to the systemd unit");
        path = std::string(secure_getenv("CREDENTIALS_DIRECTORY")) + "/" + name;
    } else {
        return base::fail(base::Code::configuration, "", "a password comes from file:PATH or credential:NAME",
                          "put it into a file of its own, mode 0640");
    }
    auto secret = read_secret(path);
    if (!secret) return base::fail(secret.error());
    return std::optional<base::Secret>(std::move(*secret));
}

}  // namespace store
