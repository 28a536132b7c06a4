#include "store/certificate_check.h"

#include <algorithm>

#include "cms/certificate_profile.h"
#include "cms/encrypt.h"
#include "cms/sign.h"
#include "mime/address.h"
#include "store/certificate_lint.h"

namespace store
{
namespace
{

constexpr std::size_t most_shown = 4;  // addresses and the like in one line

std::string day(base::Time t) { return base::iso8601(t).substr(0, 10); }

std::string some(const std::vector<std::string>& words)
{
    std::string out;
    for (std::size_t i = 0; i < words.size() && i < most_shown; ++i) out += (i > 0 ? ", " : "") + words[i];
    if (words.size() > most_shown) out += " and " + std::to_string(words.size() - most_shown) + " more";
    return out;
}

class Check
{
public:
    Check(const cms::Certificate& c, const CheckRequest& request)
        : c_(c), request_(request), profile_(cms::profile_of(c))
    {
    }

    CheckReport run()
    {
        report_.authority = c_.is_ca();
        if (report_.authority) {
            authority();
        } else {
            line(Grade::ok, "basicConstraints", "not a CA certificate", "judged as a certificate for mail");
            report_.uses.trusting = "not the certificate of a CA; only --pin can trust it, for one address";
            names();
        }
        key();
        if (!report_.authority) {
            key_usage();
            purposes();
        }
        validity();
        extensions();
        signature();
        private_key();
        path();
        if (!report_.authority && !c_.self_signed()) lint_baseline(c_, profile_, report_.lines);
        return std::move(report_);
    }

private:
    void line(Grade grade, std::string rule, std::string found, std::string meaning)
    {
        report_.lines.push_back({grade, std::move(rule), std::move(found), std::move(meaning)});
    }
    static void against(std::string& use, const std::string& why)
    {
        if (use.empty()) use = why;
    }
    void against_mail(const std::string& why)
    {
        against(report_.uses.signing, why);
        against(report_.uses.encrypting, why);
    }

    void authority()
    {
        const bool root = c_.self_signed();
        line(Grade::ok, "basicConstraints",
             "CA:TRUE, " + std::string(root ? "self-signed" : "issued by " + c_.issuer()),
             root ? "may become a trust anchor; the rules for mail certificates do not apply"
                  : "helps to build paths; the rules for mail certificates do not apply");
        const std::string why = "it is the certificate of a certification authority";
        report_.uses.signing = report_.uses.encrypting = report_.uses.decrypting = why;
        if (!root) report_.uses.trusting = "not self-signed: it helps to build paths to its issuer";
        const auto& usages = profile_.key_usages;
        if (profile_.key_usage && std::find(usages.begin(), usages.end(), "keyCertSign") == usages.end()) {
            line(Grade::fail, "keyUsage", some(usages), "without keyCertSign it cannot issue certificates");
            against(report_.uses.trusting, "its key usage does not allow signing certificates");
        }
    }

    void names()
    {
        const auto& addresses = c_.addresses();
        const char* rule = "subjectAltName";
        if (profile_.alternative_names_broken) {
            line(Grade::fail, rule, "cannot be read", "it belongs to nobody");
            against_mail("its subjectAltName cannot be read");
        } else if (addresses.empty()) {
            line(Grade::fail, rule, "no e-mail address",
                 "it is found for nobody, and signatures match no author");
            against_mail("it names no e-mail address");
        } else if (c_.san_addresses().empty()) {
            line(Grade::warn, rule, "no e-mail address; the subject has emailAddress " + some(addresses),
                 "outdated form (RFC 8550 section 3): used, but some receivers refuse it");
        } else {
            line(Grade::ok, rule, some(addresses),
                 "found by " + std::string(addresses.size() == 1 ? "this address" : "these addresses"));
        }
        if (profile_.unusable_addresses > 0)
            line(Grade::warn, rule,
                 std::to_string(profile_.unusable_addresses) + " e-mail names that are no address",
                 "NUL, control characters or no @ in them: they are ignored");
        if (request_.address.empty()) return;
        if (c_.names(request_.address)) {
            line(Grade::ok, "address", request_.address, "named by the certificate");
        } else {
            line(Grade::fail, "address",
                 "wanted " + request_.address + ", it is for " +
                     (addresses.empty() ? "nobody" : some(addresses)),
                 "it does not speak for this address, and is not found by it");
            against_mail("it is not for " + request_.address);
        }
    }

    void key()
    {
        const std::string what = cms::describe_key(c_);
        if (const std::string unusable = cms::unusable_key(c_); !unusable.empty()) {
            line(Grade::fail, "key", what + ": " + unusable, "neither signatures nor encryption with it");
            against_mail(what + ": " + unusable);
            against(report_.uses.decrypting, what + ": " + unusable);
            against(report_.uses.trusting, what + ": " + unusable);
            return;
        }
        using enum cms::KeyKind;
        const auto kind = c_.key_kind();
        const bool short_rsa = (kind == rsa || kind == rsa_pss) && c_.key_bits() < 2048;
        if (short_rsa || kind == dsa) {
            line(Grade::fail, "key", what,
                 "too weak: signatures with it count as weak-key, at most old mail is decrypted");
            against_mail(what + " is too weak");
            against(report_.uses.trusting, what + " is too weak");
            return;
        }
        if (report_.authority) return line(Grade::ok, "key", what, "strong enough");
        const bool signs = cms::digest_for(c_, cms::Digest::automatic).has_value();
        const auto why_not = cms::key_unfit_for_encryption(c_);
        const bool encrypts = !why_not;
        if (!signs) against(report_.uses.signing, what + " cannot sign here");
        if (!encrypts) against(report_.uses.encrypting, *why_not);
        if (!encrypts && kind != rsa && kind != ec) against(report_.uses.decrypting, *why_not);
        if (signs && encrypts)
            line(Grade::ok, "key", what, "strong enough, known to receivers");
        else if (signs || encrypts)
            line(Grade::warn, "key", what, signs ? "for signatures only" : "for encryption only");
        else
            line(Grade::fail, "key", what, "this kind of key is of no use for S/MIME");
    }

    void key_usage()
    {
        const bool signs = c_.usage_allows_signing(), encrypts = c_.usage_allows_encryption();
        const std::string found = profile_.key_usage ? some(profile_.key_usages) : "absent";
        if (!signs) against(report_.uses.signing, "its key usage does not allow signatures");
        if (!encrypts) against(report_.uses.encrypting, "its key usage does not allow encryption");
        if (!profile_.key_usage)
            line(Grade::ok, "keyUsage", found, "allows all uses");
        else if (signs && encrypts)
            line(Grade::ok, "keyUsage", found, "allows signing and encrypting");
        else if (signs || encrypts)
            line(Grade::ok, "keyUsage", found,
                 signs ? "allows signing, not encrypting" : "allows encrypting, not signing");
        else
            line(Grade::fail, "keyUsage", found.empty() ? "nothing" : found,
                 "allows neither signing nor encrypting mail");
    }

    void purposes()
    {
        const char* rule = "extendedKeyUsage";
        if (!profile_.extended_key_usage) return line(Grade::ok, rule, "absent", "allows all purposes");
        if (c_.purpose_allows_email()) return line(Grade::ok, rule, some(profile_.purposes), "allows e-mail");
        line(Grade::fail, rule, some(profile_.purposes),
             "emailProtection is missing: receivers refuse it for mail");
        against_mail("its extended key usage does not allow e-mail");
    }

    void validity()
    {
        const std::string span = day(c_.not_before()) + " to " + day(c_.not_after());
        if (c_.not_before() > c_.not_after()) {
            line(Grade::fail, "validity", span, "never valid");
            against_mail("it is never valid");
            against(report_.uses.trusting, "it is never valid");
        } else if (request_.now > c_.not_after()) {
            line(Grade::fail, "validity", "expired " + day(c_.not_after()),
                 report_.authority
                     ? "paths through it are expired"
                     : "nothing is signed or encrypted with it any more; it still decrypts old mail");
            against_mail("expired " + day(c_.not_after()));
            against(report_.uses.trusting, "expired " + day(c_.not_after()));
        } else if (request_.now < c_.not_before()) {
            line(Grade::fail, "validity", "not valid before " + day(c_.not_before()),
                 "import it when that day has come");
            against_mail("not valid before " + day(c_.not_before()));
            against(report_.uses.trusting, "not valid before " + day(c_.not_before()));
        } else {
            line(Grade::ok, "validity", span, "valid now");
        }
    }

    void extensions()
    {
        if (!c_.unknown_critical_extension()) return;
        line(Grade::fail, "critical extensions", "one that is not understood, or cannot be read",
             "nobody may use the certificate (RFC 5280 section 4.2)");
        against_mail("it has a critical extension that is not understood");
        against(report_.uses.trusting, "it has a critical extension that is not understood");
    }

    void signature()
    {
        if (!profile_.weak_signature) return;
        const bool root = c_.self_signed();
        line(Grade::warn, "signature", profile_.signature_digest,
             root ? "outdated, but nobody has to check a self-signature"
                  : "outdated: paths with it count as weak-digest");
    }

    void private_key()
    {
        if (!request_.key || report_.authority) return;
        if (*request_.key) return line(Grade::ok, "private key", "here", "belongs to the certificate");
        line(Grade::ok, "private key", "not here", "for encrypting to its owner and for verifying");
        against(report_.uses.signing, "its private key is not here");
        against(report_.uses.decrypting, "its private key is not here");
    }

    void path()
    {
        if (request_.trust == nullptr) return;
        if (c_.self_signed() && !report_.authority)
            return line(Grade::warn, "path", "self-signed",
                        "nobody vouches for it; --pin ADDRESS trusts it for one address");
        cms::PathOptions options;
        options.at = request_.now;
        const std::vector<cms::Certificate> none;
        const auto result =
            request_.trust->validate(c_, request_.helpers != nullptr ? *request_.helpers : none, options);
        if (result.findings.empty())
            return line(Grade::ok, "path",
                        "leads to " + (result.path.empty() ? c_.issuer() : result.path.back().subject()),
                        "signatures with it are trusted here");
        std::vector<std::string> words;
        for (const cms::Finding f : result.findings.list()) words.emplace_back(cms::word(f));
        line(report_.authority ? Grade::ok : Grade::warn, "path", some(words) + "; issued by " + c_.issuer(),
             report_.authority ? "not trusted here yet"
                               : "no valid path to an anchor: signatures with it are not trusted here");
    }

    const cms::Certificate& c_;
    const CheckRequest& request_;
    cms::CertificateProfile profile_;
    CheckReport report_;
};

}  // namespace

const char* word(Grade g)
{
    switch (g) {
        case Grade::ok: return "ok";
        case Grade::warn: return "warn";
        case Grade::fail: return "FAIL";
    }
    return "";
}

bool CheckReport::failed() const { return first_failure() != nullptr; }

const CheckLine* CheckReport::first_failure() const
{
    const auto it =
        std::find_if(lines.begin(), lines.end(), [](const CheckLine& l) { return l.grade == Grade::fail; });
    return it == lines.end() ? nullptr : &*it;
}

CheckReport check_certificate(const cms::Certificate& certificate, const CheckRequest& request)
{
    return Check(certificate, request).run();
}

}  // namespace store
