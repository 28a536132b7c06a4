#include "policy/rule_parse.h"

namespace policy
{
namespace
{

constexpr std::initializer_list<OnResult> on_results{OnResult::accept, OnResult::mark, OnResult::tag,
                                                     OnResult::quarantine, OnResult::reject};

constexpr Setter<Rule> setters[] = {
    {"direction",
     [](Rule& r, const Value& v) {
         v.one_of(r.direction,
                  {Direction::incoming, Direction::outgoing, Direction::internal, Direction::any});
     }},
    {"sender", [](Rule& r, const Value& v) { v.patterns(r.sender, Value::Pattern::address); }},
    {"mail_from", [](Rule& r, const Value& v) { v.patterns(r.mail_from, Value::Pattern::envelope); }},
    {"recipient", [](Rule& r, const Value& v) { v.patterns(r.recipient, Value::Pattern::address); }},
    {"client", [](Rule& r, const Value& v) { v.networks(r.client, Value::Rights::none); }},
    {"login", [](Rule& r, const Value& v) { v.patterns(r.login, Value::Pattern::name); }},
    {"listener", [](Rule& r, const Value& v) { v.patterns(r.listener, Value::Pattern::name); }},
    {"header", [](Rule& r, const Value& v) { v.header_pattern(r.header); }},
    {"subject", [](Rule& r, const Value& v) { v.text_pattern(r.subject); }},
    {"size", [](Rule& r, const Value& v) { v.size_conditions(r.size); }},
    {"fallback", [](Rule& r, const Value& v) { v.yes_no(r.fallback); }},

    {"sign",
     [](Rule& r, const Value& v) { v.one_of(r.sign, {SignForm::no, SignForm::clear, SignForm::opaque}); }},
    {"sign_required", [](Rule& r, const Value& v) { v.yes_no(r.sign_required); }},
    {"certificate", [](Rule& r, const Value& v) { r.certificate = v.text(); }},
    {"allow_mismatch", [](Rule& r, const Value& v) { v.yes_no(r.allow_mismatch); }},
    {"digest",
     [](Rule& r, const Value& v) {
         v.one_of(r.digest,
                  {cms::Digest::automatic, cms::Digest::sha256, cms::Digest::sha384, cms::Digest::sha512});
     }},
    {"padding",
     [](Rule& r, const Value& v) { v.one_of(r.padding, {cms::Padding::pkcs1, cms::Padding::pss}); }},
    {"on_no_cert",
     [](Rule& r, const Value& v) {
         v.one_of(r.on_no_cert, {OnNoCertificate::pass, OnNoCertificate::tempfail, OnNoCertificate::reject});
     }},
    {"on_untransformable",
     [](Rule& r, const Value& v) {
         v.one_of(r.on_untransformable,
                  {OnUntransformable::skip, OnUntransformable::opaque, OnUntransformable::reject});
     }},
    {"sign_also",
     [](Rule& r, const Value& v) {
         using enum Exemption;
         v.several_of(r.sign_also, {report, automatic_reply, mailing_list, resent, calendar, tnef});
     }},
    {"break_dkim", [](Rule& r, const Value& v) { v.yes_no(r.break_dkim); }},
    {"sign_relayed", [](Rule& r, const Value& v) { v.yes_no(r.sign_relayed); }},

    {"verify", [](Rule& r, const Value& v) { v.yes_no(r.verify); }},
    {"strip", [](Rule& r, const Value& v) { v.one_of(r.strip, {Strip::never, Strip::valid, Strip::any}); }},
    {"on_invalid", [](Rule& r, const Value& v) { v.one_of(r.on_invalid, on_results); }},
    {"on_untrusted", [](Rule& r, const Value& v) { v.one_of(r.on_untrusted, on_results); }},
    {"on_temperror",
     [](Rule& r, const Value& v) { v.one_of(r.on_temperror, {OnTemporary::accept, OnTemporary::tempfail}); }},

    {"require_signature", [](Rule& r, const Value& v) { v.yes_no(r.require_signature); }},
    {"signer_headers", [](Rule& r, const Value& v) { v.yes_no(r.signer_headers); }},

    {"already_signed",
     [](Rule& r, const Value& v) {
         v.one_of(r.already_signed,
                  {AlreadySigned::keep, AlreadySigned::opaque, AlreadySigned::strip, AlreadySigned::resign});
     }},
    {"eightbit_signed",
     [](Rule& r, const Value& v) {
         v.one_of(r.eightbit_signed, {EightBitSigned::pass, EightBitSigned::opaque, EightBitSigned::strip,
                                      EightBitSigned::resign, EightBitSigned::reject});
     }},

    {"encrypt",
     [](Rule& r, const Value& v) {
         v.one_of(r.encrypt, {Encrypt::no, Encrypt::never, Encrypt::on_request, Encrypt::opportunistic,
                              Encrypt::mandatory});
     }},
    {"encrypt_keyword", [](Rule& r, const Value& v) { r.encrypt_keyword = v.text(); }},
    {"encrypt_sensitivity", [](Rule& r, const Value& v) { v.yes_no(r.encrypt_sensitivity); }},
    {"cipher",
     [](Rule& r, const Value& v) {
         using enum cms::Cipher;
         v.one_of(r.cipher,
                  {std::optional<cms::Cipher>(), std::optional(aes128_cbc), std::optional(aes192_cbc),
                   std::optional(aes256_cbc), std::optional(aes128_gcm), std::optional(aes256_gcm)});
     }},
    {"key_transport",
     [](Rule& r, const Value& v) {
         v.one_of(r.key_transport, {cms::KeyTransport::pkcs1, cms::KeyTransport::oaep});
     }},
    {"encrypt_bcc",
     [](Rule& r, const Value& v) {
         v.one_of(r.encrypt_bcc, {EncryptBcc::reject, EncryptBcc::plain, EncryptBcc::leak});
     }},
    {"recipient_certificates", [](Rule& r, const Value& v) { v.one_of(r.all_certificates, {false, true}); }},
    {"prefer_domain", [](Rule& r, const Value& v) { v.yes_no(r.prefer_domain); }},
    {"archive", [](Rule& r, const Value& v) { v.paths(r.archive); }},
    {"header_protection",
     [](Rule& r, const Value& v) {
         v.one_of(r.header_protection, {HeaderProtection::off, HeaderProtection::baseline});
     }},

    {"decrypt", [](Rule& r, const Value& v) { v.yes_no(r.decrypt); }},
    {"decrypt_3des", [](Rule& r, const Value& v) { v.yes_no(r.decrypt_3des); }},
    {"tag_decrypted", [](Rule& r, const Value& v) { v.yes_no(r.tag_decrypted); }},
    {"tnef", [](Rule& r, const Value& v) { v.one_of(r.convert_tnef, {false, true}); }},

    {"dry_run", [](Rule& r, const Value& v) { v.yes_no(r.dry_run); }},
    {"log_level",
     [](Rule& r, const Value& v) {
         v.one_of(r.log_level, {base::Level::debug, base::Level::info, base::Level::notice,
                                base::Level::warning, base::Level::error});
     }},
};

}  // namespace

RuleDraft parse_rule(const Section& section, std::vector<Config::Setting>& settings,
                     std::vector<base::Problem>& problems)
{
    RuleDraft draft;
    apply_defaults<Rule>("rule", setters, draft.rule, problems);
    draft.rule.name = section.name;
    draft.rule.file = section.file;
    draft.rule.line = section.line;
    if (section.entries.empty())
        report(problems, base::Severity::error, section.at(section.line), title(section) + " is empty",
               "give it an action such as sign = clear or verify = yes, or remove it");
    const auto before = problems.size();
    apply<Rule>(section, setters, draft.rule, draft.seen, settings, problems);
    draft.unclear = problems.size() > before;
    return draft;
}

}  // namespace policy
