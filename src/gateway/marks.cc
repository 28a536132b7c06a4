#include "gateway/marks.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/ascii.h"
#include "gateway/authentication_results.h"
#include "mime/encoded_word.h"

namespace gateway
{
namespace
{

using namespace std::string_view_literals;
using Kind = HeaderEdit::Kind;

constexpr std::string_view own_prefix = "X-SMIME-";
constexpr std::size_t max_tag = 48;  // letters of it

bool is_letter(char c) { return base::lower(c) >= 'a' && base::lower(c) <= 'z'; }

// Are the octets of `text` found in `word` in the same order?
bool is_subsequence(std::string_view text, std::string_view word)
{
    for (char c : word)
        if (!text.empty() && text.front() == c) text.remove_prefix(1);
    return text.empty();
}

// Does the text between brackets look like something we would say?  Letters of
// other alphabets may stand for any of ours, or for nothing to see.
bool looks_like_tag(std::string_view inside)
{
    constexpr std::array words = {"signed"sv, "signature"sv, "signatures"sv, "signaturevalid"sv,
                                  "smime"sv,  "decrypted"sv, "verified"sv};
    std::string letters;
    std::vector<std::string> apart(1);
    bool foreign = false;
    for (char c : inside) {
        foreign = foreign || static_cast<unsigned char>(c) >= 0x80;
        if (is_letter(c)) {
            letters += base::lower(c);
            apart.back() += base::lower(c);
        } else if (!apart.back().empty()) {
            apart.emplace_back();
        }
        if (letters.size() > max_tag) return false;
    }
    if (letters.starts_with("sign") || letters.starts_with("smime") || letters.starts_with("decrypted"))
        return true;
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return std::find(apart.begin(), apart.end(), word) != apart.end() ||
               (foreign && letters.size() >= 3 && is_subsequence(letters, word));
    });
}

// The text without look-alikes of our tags; nullopt when there are none.
std::optional<std::string> without_look_alikes(std::string_view subject)
{
    constexpr auto npos = std::string_view::npos;
    std::string out;
    bool found = false;
    std::size_t at = 0, close = 0;
    for (auto open = subject.find('['); open != npos; open = subject.find('[', at)) {
        // Looked for once for all the "[" before it: there may be a hundred thousand.
        if (close <= open) close = subject.find(']', open);
        if (close == npos) break;
        const auto inside = subject.substr(open + 1, close - open - 1);
        if (inside.find('[') == npos && looks_like_tag(inside)) {
            found = true;
            out += subject.substr(at, open - at);
            at = close + 1;
            if (subject.substr(at).starts_with(' ') && (out.empty() || out.ends_with(' '))) ++at;
        } else {
            out += subject.substr(at, open + 1 - at);
            at = open + 1;
        }
    }
    if (!found) return std::nullopt;
    return out + std::string(subject.substr(at));
}

// Taking one away may leave another ("[sig[signed]ned]"): a few rounds, and then
// no bracket is left to make one of.
std::optional<std::string> without_any_look_alike(std::string_view subject)
{
    auto cleaned = without_look_alikes(subject);
    for (int round = 0; cleaned && round < 4; ++round) {
        auto again = without_look_alikes(*cleaned);
        if (!again) return cleaned;
        cleaned = std::move(again);
    }
    if (cleaned) std::replace(cleaned->begin(), cleaned->end(), '[', '(');
    return cleaned;
}

// Text of strangers as a whole field: one line, printable ASCII, cut.
std::string field_text(std::string_view text)
{
    constexpr std::size_t most = 200;
    std::string out;
    for (char c : text.substr(0, most))
        if (!base::is_control(c)) out += static_cast<unsigned char>(c) > 0x7e ? '?' : c;
    return out;
}

std::string folded_with_lf(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\r') out += text[i];
    return out;
}

}  // namespace

std::vector<HeaderEdit> remove_forged(const std::vector<mime::Field>& fields, std::string_view authserv_id,
                                      bool trusted_relay, policy::ResultsRemoval what)
{
    using policy::ResultsRemoval;
    const auto goes = [&](std::string_view results) {
        return what == ResultsRemoval::all ||
               forges_results(results, authserv_id, what == ResultsRemoval::own ? "" : "smime");
    };
    std::vector<HeaderEdit> edits;
    std::map<std::string, int> seen;
    for (const auto& field : fields) {
        const bool own = base::istarts_with(field.name, own_prefix);
        const bool results = base::iequals(field.name, "Authentication-Results");
        if (!own && !results) continue;
        const int index = ++seen[base::to_lower(field.name)];
        if (own || (results && !trusted_relay && goes(field.value)))
            edits.push_back({Kind::remove, std::string(field.name), index, ""});
    }
    std::reverse(edits.begin(), edits.end());  // the highest index of each name first
    return edits;
}

HeaderEdit result_field(const Verdict& verdict)
{
    std::string value(cms::name(verdict.result()));
    if (const auto why = verdict.reason(); !why.empty()) value += " (" + why + ")";
    return {Kind::insert, "X-SMIME-Result", 1, value};
}

std::optional<HeaderEdit> signer_field(const Verdict& verdict)
{
    const Layer* layer = verdict.layer();
    if (layer == nullptr || layer->identity.empty()) return std::nullopt;
    return HeaderEdit{Kind::insert, "X-SMIME-Signer", 1, field_text(layer->identity)};
}

std::vector<HeaderEdit> signer_fields(const Verdict& verdict)
{
    std::vector<HeaderEdit> out;
    const Layer* layer = verdict.layer();
    if (layer == nullptr || layer->signer < 0) return out;
    const auto& signer = layer->signers[static_cast<std::size_t>(layer->signer)];
    const auto add = [&](const char* name, std::string_view text) {
        if (!text.empty()) out.push_back({Kind::insert, name, 1, field_text(text)});
    };
    if (signer.certificate) add("X-SMIME-Fingerprint", signer.certificate->fingerprint());
    add("X-SMIME-Serial", signer.serial);
    add("X-SMIME-Issuer", signer.issuer);
    if (auto field = signer_field(verdict)) out.push_back(std::move(*field));
    return out;
}

std::vector<HeaderEdit> tag_subject(const std::vector<mime::Field>& fields, std::string_view tag)
{
    std::vector<HeaderEdit> edits;
    int index = 0;
    for (const auto& field : fields) {
        if (!base::iequals(field.name, "Subject")) continue;
        ++index;  // which of several is shown depends on the reader
        const auto cleaned = without_any_look_alike(mime::decode_encoded_words(field.value));
        if (index > 1 && !cleaned) continue;
        std::string text = folded_with_lf(cleaned ? mime::encode_words(std::string(base::trim(*cleaned)))
                                                  : base::trim(field.value));
        if (index == 1) text = std::string(tag) + " " + text;
        edits.push_back({Kind::change, "Subject", index, std::move(text)});
    }
    if (index == 0) edits.push_back({Kind::append, "Subject", 1, std::string(tag)});
    return edits;
}

}  // namespace gateway
