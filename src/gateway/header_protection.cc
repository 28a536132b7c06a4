#include "gateway/header_protection.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/ascii.h"
#include "gateway/enclosed.h"
#include "gateway/onto.h"
#include "gateway/rewrite.h"
#include "mime/address.h"
#include "mime/codec.h"
#include "mime/content_type.h"
#include "mime/encoded_word.h"
#include "mime/structure.h"
#include "mime/utf8.h"

namespace gateway
{
namespace
{

using Kind = HeaderEdit::Kind;

constexpr std::size_t longest = 4096;  // octets of a field that is shown

bool hides(const mime::Field* subject)
{
    if (subject == nullptr) return true;
    const auto text = mime::unfold(subject->value);
    return text.empty() || text == "[...]" || text == "...";
}

// Those that a person has written, or reads (RFC 9788 section 5.1); Bcc never.
constexpr std::array protected_names = {
    std::string_view("From"),       std::string_view("Sender"),      std::string_view("Reply-To"),
    std::string_view("To"),         std::string_view("Cc"),          std::string_view("Date"),
    std::string_view("Message-ID"), std::string_view("In-Reply-To"), std::string_view("References"),
    std::string_view("Subject"),    std::string_view("Comments"),    std::string_view("Keywords")};

bool is_one_of(std::string_view name, std::span<const std::string_view> names)
{
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view n) { return base::iequals(n, name); });
}

std::string with_crlf(std::string_view value)
{
    std::string out;
    for (const char c : value) {
        if (c == '\n' && !out.ends_with('\r')) out += '\r';
        out += c;
    }
    return out;
}

// A value of Content-Type with one parameter more.
std::string with_parameter(std::string_view value, const std::string& parameter)
{
    auto text = field_value(value);
    while (!text.empty() && (base::is_blank(text.back()) || text.back() == ';' || text.back() == '\n'))
        text.pop_back();
    return text + ";\n " + parameter;
}

// The parts that a reader sees as the text of the message.
void find_main(const mime::Structure& structure, std::size_t at, std::vector<std::size_t>& out)
{
    const auto& part = structure.parts[at];
    if (part.content_type.is("text", "plain") || part.content_type.is("text", "html")) {
        const auto* disposition = part.header.find("Content-Disposition");
        if (disposition == nullptr || mime::parse_disposition(disposition->value).type != "attachment")
            out.push_back(at);
        return;
    }
    if (!part.content_type.is_multipart() || part.content_type.is("multipart", "signed") ||
        part.content_type.is("multipart", "encrypted"))
        return;
    const bool all = part.content_type.is("multipart", "alternative");
    for (std::size_t i = at + 1; i < structure.parts.size(); ++i) {
        if (structure.parts[i].parent != static_cast<int>(at)) continue;
        find_main(structure, i, out);
        if (!all) return;
    }
}

std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else
            out += c;
    }
    return out;
}

// Where the text of an HTML document begins.
std::size_t inside_body(std::string_view html)
{
    const std::string lower = base::to_lower(html);
    const auto tag = lower.find("<body");
    const auto end = tag == std::string::npos ? tag : lower.find('>', tag);
    return end == std::string::npos ? 0 : end + 1;
}

// The text with the Subject in front; nullopt where that cannot be written.
std::optional<std::string> with_subject(const mime::Part& part, const std::string& subject)
{
    const auto* charset = part.content_type.parameter("charset");
    const bool utf8 = charset != nullptr && base::iequals(*charset, "utf-8");
    const bool ascii = charset == nullptr || base::iequals(*charset, "us-ascii");
    if (!utf8 && !(ascii && mime::is_ascii(subject))) return std::nullopt;
    auto text = mime::decode(part.encoding, part.body);
    if (!text) return std::nullopt;
    if (part.content_type.subtype == "plain") return "Subject: " + subject + "\r\n\r\n" + *text;
    text->insert(inside_body(*text), "<div class=\"header-protection-legacy-display\"><pre>Subject: " +
                                         escaped(subject) + "</pre></div>\r\n");
    return text;
}

// A part's header for text that is written as it is, to be encoded afterwards.
std::vector<ContentField> displayed_fields(const mime::Header& header)
{
    std::vector<ContentField> out;
    const auto* type = header.find("Content-Type");
    out.push_back({"Content-Type", with_parameter(type == nullptr ? base::Octets("text/plain") : type->value,
                                                  "hp-legacy-display=\"1\"")});
    out.push_back({"Content-Transfer-Encoding", "8bit"});
    for (const auto& field : header.fields)
        if (!base::iequals(field.name, "Content-Type") &&
            !base::iequals(field.name, "Content-Transfer-Encoding"))
            out.push_back({std::string(field.name), field_value(field.value)});
    return out;
}

std::string written(const std::vector<ContentField>& fields)
{
    std::string out;
    for (const auto& field : fields) out += field.name + ": " + with_crlf(field.value) + "\r\n";
    return out + "\r\n";
}

// The content with the Subject where a reader without header protection looks.
void display(const mime::Structure& structure, const std::string& subject, std::vector<ContentField>& root,
             std::string& body)
{
    if (structure.defects.any()) return;
    std::vector<std::size_t> main;
    find_main(structure, 0, main);
    const base::Octets all = structure.parts.front().body;
    std::string out;  // written once: there may be thousands of parts
    std::size_t copied = 0;
    for (const std::size_t i : main) {
        const auto& part = structure.parts[i];
        auto text = with_subject(part, subject);
        if (!text) continue;
        auto fields = displayed_fields(part.header);
        if (i == 0) {
            root = std::move(fields);
            body = std::move(*text);
            return;
        }
        const auto at = static_cast<std::size_t>(part.whole.data() - all.data());
        out.append(all.substr(copied, at - copied)).append(written(fields)).append(*text);
        copied = at + part.whole.size();
    }
    if (copied == 0) return;
    body = std::move(out);
    body += all.substr(copied);
}

}  // namespace

base::Result<Protected> protect(const Message& message, const std::optional<std::string>& subject)
{
    const std::string header = enclosed_header(message);
    const auto content = mime::parse_header(header);
    const auto structure = mime::parse_structure(content, message.body());
    if (structure.parts.front().content_type.parameter("hp") != nullptr)
        return base::fail(base::Code::data, "", "it has header protection of its own");

    Protected out;
    int subjects = 0, keywords = 0, comments = 0;
    std::string exposed, shown;
    for (const auto& field : message.fields()) {
        if (!is_one_of(field.name, protected_names)) continue;
        std::string value = with_crlf(field_value(field.value));
        if (base::iequals(field.name, "Subject")) {
            if (subjects++ == 0) {
                if (subject) value = with_crlf(*subject);
                if (!mime::is_ascii(value)) value = mime::encode_words(mime::decode_encoded_words(value));
                shown = mime::decode_encoded_words(value);
            }
        } else if (base::iequals(field.name, "Comments")) {
            ++comments;
        } else if (base::iequals(field.name, "Keywords")) {
            ++keywords;
        } else {
            exposed += "HP-Outer: " + std::string(field.name) + ": " + value + "\r\n";
        }
        out.fields += std::string(field.name) + ": " + value + "\r\n";
    }
    out.fields += exposed;
    if (subjects > 0) {
        out.fields += "HP-Outer: Subject: [...]\r\n";
        for (int i = 1; i <= subjects; ++i) out.outside.push_back({Kind::change, "Subject", i, "[...]"});
    }
    for (int i = keywords; i > 0; --i) out.outside.push_back({Kind::remove, "Keywords", i, ""});
    for (int i = comments; i > 0; --i) out.outside.push_back({Kind::remove, "Comments", i, ""});

    std::vector<ContentField> root;
    for (const auto& field : content.fields)
        root.push_back({std::string(field.name), field_value(field.value)});
    std::string body(message.body());
    std::erase_if(shown, [](char c) { return base::is_control(c); });
    if (!shown.empty() && shown.size() <= longest) display(structure, shown, root, body);
    for (auto& field : root)
        if (base::iequals(field.name, "Content-Type"))
            field.value = with_parameter(field.value, "hp=\"cipher\"");
    Rewrite rewrite;
    rewrite.header = content_edits(message.fields(), root);
    rewrite.body.emplace_back(std::move(body));
    auto made = rewritten(message, rewrite, message.envelope);
    if (!made) return base::fail(made.error());
    out.message = std::move(*made);
    return out;
}

std::vector<HeaderEdit> promote(const Message& message, base::Octets entity, const Verdict& verdict)
{
    const auto& outer = message.header();
    if (outer.count("Subject") > 1 || !hides(outer.find("Subject"))) return {};
    if (verdict.scope == Scope::message && verdict.result() != cms::Code::pass) return {};
    const bool is_signed = verdict.scope == Scope::message && !verdict.layers.empty();
    const auto payload = mime::parse_header(is_signed ? verdict.layers.back().content : entity);
    const auto* type = payload.find("Content-Type");
    if (type == nullptr) return {};
    const auto parsed = mime::parse_content_type(type->value);
    const auto* hp = parsed.parameter("hp");
    if (hp == nullptr || !base::iequals(*hp, "cipher")) return {};
    const auto author = mime::author_of(outer.fields), inner = mime::author_of(payload.fields);
    if (author.status != mime::AuthorStatus::ok || inner.status != mime::AuthorStatus::ok ||
        !mime::same_address(author.address(), inner.address()))
        return {};

    std::vector<HeaderEdit> edits;
    for (const char* name : {"Subject", "Keywords", "Comments"}) {
        const auto* field = payload.find(name);
        if (field == nullptr || payload.count(name) > 1 || field->value.size() > longest) continue;
        const auto* shown = outer.find(name);
        if (shown != nullptr && !base::iequals(name, "Subject")) continue;
        edits.push_back({shown == nullptr ? Kind::append : Kind::change, name, 1, field_value(field->value)});
    }
    return edits;
}

}  // namespace gateway
