#include "store/trust_store.h"

#include <unordered_set>

#include "base/file.h"
#include "cms/container.h"

namespace store
{
namespace
{

constexpr std::size_t largest = 64U << 20;  // lists of busy authorities are long

enum class Role { anchors, intermediates, crls };

class TrustLoader
{
public:
    TrustLoader(const TrustSource& source, std::vector<base::Problem>& problems)
        : source_(source), problems_(problems)
    {
    }

    void read(const std::vector<std::string>& paths, Role role)
    {
        for (const std::string& path : paths) {
            if (base::is_directory(path))
                read_directory(path, role);
            else
                read_file(path, role, base::Severity::error);
        }
    }

    cms::Trust finish()
    {
        auto trust = cms::Trust::make(std::move(material_));
        if (trust) return *trust;
        base::Error error = trust.error();
        if (error.where.empty()) error.where = source_.origin;
        problems_.push_back({base::Severity::error, std::move(error)});
        return {};
    }

private:
    void warn(const std::string& where, std::string what, std::string remedy = {})
    {
        problems_.push_back({base::Severity::warning,
                             {base::Code::configuration, where, std::move(what), std::move(remedy)}});
    }

    void read_directory(const std::string& path, Role role)
    {
        const auto names = base::list_directory(path);
        if (!names) {
            problems_.push_back({base::Severity::error, names.error()});
            return;
        }
        if (names->empty())
            warn(path, "empty directory",
                 role == Role::anchors ? "copy the CA certificates you trust for mail there" : "");
        const std::string directory = path + "/";
        for (const std::string& name : *names) read_file(directory + name, role, base::Severity::warning);
    }

    // What is no certificate at all is a mistake when somebody named the file,
    // and worth a warning when it lies in a directory.
    void read_file(const std::string& path, Role role, base::Severity stray)
    {
        const auto content = base::read_file(path, largest);
        if (!content) {
            base::Error error = content.error();
            if (error.code == base::Code::no_input && stray == base::Severity::error)
                error.remedy = "put the CA certificate there, or for a directory: install -d -m 755 " + path;
            if (!source_.origin.empty())
                error.remedy += (error.remedy.empty() ? "" : "; ") + ("it is named at " + source_.origin);
            problems_.push_back({base::Severity::error, std::move(error)});
            return;
        }
        const auto opened = cms::open_container(*content, path);
        if (!opened) {
            const bool unknown = cms::recognise(*content) == cms::Format::unknown;
            base::Error error = opened.error();
            if (cms::recognise(*content) == cms::Format::pkcs12)
                error.remedy = "only certificates belong here: openssl pkcs12 -in " + path +
                               " -cacerts -nokeys -out ca.pem";
            problems_.push_back({unknown ? stray : base::Severity::error, std::move(error)});
            return;
        }
        if (!opened->keys.empty())
            warn(path, "a private key does not belong here; it is not used",
                 "move it away: it is readable by too many");
        for (const cms::Certificate& c : opened->certificates) add(c, path, role);
        if (role == Role::intermediates && !opened->crls.empty())
            warn(path, "revocation lists are not looked for here",
                 "move it to a directory of [trust] anchors or crls");
        else
            for (const std::string& crl : opened->crls)
                if (seen_.insert(crl).second) material_.crls.push_back(crl);
    }

    void add(const cms::Certificate& c, const std::string& path, Role role)
    {
        if (role == Role::crls)
            return warn(path, "a certificate among revocation lists is not used: " + c.subject());
        if (role == Role::anchors && !c.is_ca())
            return warn(path, "not the certificate of a CA, not used: " + c.subject(),
                        "only CA certificates can be trust anchors");
        const bool anchor = role == Role::anchors && c.self_signed();
        if (!seen_.insert((anchor ? "anchor " : "helper ") + c.der()).second) return;
        (anchor ? material_.anchors : material_.intermediates).push_back(c);
    }

    const TrustSource& source_;
    std::vector<base::Problem>& problems_;
    cms::Trust::Material material_;
    std::unordered_set<std::string> seen_;
};

}  // namespace

cms::Trust load_trust(const TrustSource& source, std::vector<base::Problem>& problems)
{
    TrustLoader loader(source, problems);
    loader.read(source.anchors, Role::anchors);
    loader.read(source.intermediates, Role::intermediates);
    loader.read(source.crls, Role::crls);
    return loader.finish();
}

}  // namespace store
