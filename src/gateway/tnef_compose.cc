#include "gateway/tnef_compose.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/ascii.h"
#include "base/large_string.h"
#include "mime/codec.h"
#include "mime/date.h"
#include "mime/encoded_word.h"
#include "mime/lexer.h"
#include "mime/transport.h"
#include "mime/utf8.h"

namespace gateway
{
namespace
{

using mime::TnefAttachment;
using mime::TnefMessage;
using mime::TnefRecipient;

// --- header fields -------------------------------------------------------------

// RFC 2231: sections of at most 60 columns, each of whole characters.
std::string extended_parameter(std::string_view name, std::string_view value)
{
    constexpr char digits[] = "0123456789ABCDEF";
    constexpr std::size_t most = 60;
    std::vector<std::string> sections(1);
    while (!value.empty()) {
        const auto size = std::max<std::size_t>(mime::utf8_character(value.substr(0, 4)), 1);
        std::string encoded;
        for (const char c : value.substr(0, size)) {
            if (mime::is_token_octet(c) && c != '*' && c != '\'' && c != '%') {
                encoded += c;
            } else {
                encoded += {'%', digits[static_cast<unsigned char>(c) >> 4U],
                            digits[static_cast<unsigned char>(c) & 15U]};
            }
        }
        if (sections.back().size() + encoded.size() > most) sections.emplace_back();
        sections.back() += encoded;
        value.remove_prefix(size);
    }
    const std::string label(name);
    if (sections.size() == 1) return ";\r\n " + label + "*=utf-8''" + sections.front();
    std::string out;
    for (std::size_t i = 0; i < sections.size(); ++i)
        out += ";\r\n " + label + "*" + std::to_string(i) + "*=" + (i == 0 ? "utf-8''" : "") + sections[i];
    return out;
}

// In ASCII where it can be: all programs read that.
std::string parameter(std::string_view name, std::string_view value)
{
    constexpr std::size_t most = 60;
    const bool plain = value.size() <= most && std::all_of(value.begin(), value.end(), [](char c) {
                           return c >= ' ' && c <= '~' && c != '"' && c != '\\';
                       });
    if (!plain) return extended_parameter(name, value);
    return ";\r\n " + std::string(name) + "=\"" + std::string(value) + '"';
}

// Unstructured text after `name`, in lines of at most 76 columns where it has blanks.
std::string text_field(std::string_view name, std::string_view utf8)
{
    constexpr std::size_t columns = 76, longest = 900;
    std::string out = std::string(name) + ":";
    const std::string encoded = mime::encode_words(utf8);
    if (encoded != utf8) return out + " " + encoded + "\r\n";
    std::size_t column = out.size();
    while (!utf8.empty()) {
        const auto word = utf8.substr(0, std::min({utf8.find(' '), utf8.size(), longest}));
        utf8.remove_prefix(word.size());
        if (utf8.starts_with(' ')) utf8.remove_prefix(1);
        // A line of blanks alone would end the header for some.
        if (column + 1 + word.size() > columns && column > 1 && !word.empty()) {
            out += "\r\n";
            column = 0;
        }
        out += ' ';
        out += word;
        column += 1 + word.size();
    }
    return out + "\r\n";
}

// A name without an address of SMTP is a group of nobody (RFC 6854).
std::string mailbox(const mime::TnefAddress& who)
{
    std::string name = mime::encode_words(who.name);
    if (name == who.name) {
        name = "\"";
        for (const char c : who.name) {
            if (c == '"' || c == '\\') name += '\\';
            name += c;
        }
        name += '"';
    }
    if (who.address.empty()) return name + ":;";
    return who.name.empty() ? who.address : name + "\r\n <" + who.address + ">";
}

bool can_be_written(const mime::TnefAddress& who)
{
    return mime::is_ascii(who.address) && who.address.size() + who.name.size() < 900 &&
           !(who.address.empty() && who.name.empty());
}

std::string address_field(std::string_view name, const std::vector<const mime::TnefAddress*>& list)
{
    std::string out;
    for (const auto* who : list)
        if (can_be_written(*who)) out += (out.empty() ? std::string(name) + ": " : ",\r\n ") + mailbox(*who);
    return out.empty() ? out : out + "\r\n";
}

// --- leaves --------------------------------------------------------------------

bool travels(std::string_view text)
{
    if (mime::octet_hazard(text) || mime::fragile_text(text) != nullptr) return false;
    constexpr std::size_t columns = 78;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find("\r\n", begin), text.size());
        if (end - begin > columns) return false;
        begin = end + 2;
    }
    return true;
}

// Many megabytes are copied no oftener than they have to be.
MimeEntity joined(std::string_view header, std::string_view content)
{
    std::string out = base::string_with_room(header.size() + content.size());
    return out.append(header).append(content);
}

MimeEntity in_base64(std::string_view header, std::string_view octets)
{
    std::string lines = mime::base64_lines(octets);
    if (lines.ends_with("\r\n")) lines.resize(lines.size() - 2);
    return joined(header, lines);
}

MimeEntity text_entity(const std::string& type, const std::string& charset, std::string_view octets)
{
    const bool ascii = charset == "utf-8" && mime::is_ascii(octets);
    std::string out = "Content-Type: " + type + "; charset=" + (ascii ? "us-ascii" : charset) + "\r\n";
    if (travels(octets)) return joined(out + "Content-Transfer-Encoding: 7bit\r\n\r\n", octets);
    // Quoted-printable makes three octets of one; up to a fifth of them that stays shorter.
    const auto to_quote = std::count_if(
        octets.begin(), octets.end(), [](char c) { return (c < ' ' && c != '\r' && c != '\n') || c > '~'; });
    if (octets.find('\0') == std::string_view::npos &&
        static_cast<std::size_t>(to_quote) <= octets.size() / 5 + 16)
        return joined(out + "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                      mime::quoted_printable_lines(octets));
    return in_base64(out + "Content-Transfer-Encoding: base64\r\n\r\n", octets);
}

// By the suffix, where the sender's program gave no type; only what mail programs show.
const char* type_by_name(std::string_view name)
{
    static constexpr std::pair<std::string_view, const char*> known[] = {
        {".bmp", "image/bmp"},
        {".csv", "text/csv"},
        {".gif", "image/gif"},
        {".htm", "text/html"},
        {".html", "text/html"},
        {".jpeg", "image/jpeg"},
        {".jpg", "image/jpeg"},
        {".pdf", "application/pdf"},
        {".png", "image/png"},
        {".rtf", "application/rtf"},
        {".svg", "image/svg+xml"},
        {".tif", "image/tiff"},
        {".tiff", "image/tiff"},
        {".txt", "text/plain"},
        {".xml", "application/xml"},
        {".zip", "application/zip"},
        {".doc", "application/msword"},
        {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
        {".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
        {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}};
    const auto dot = name.rfind('.');
    if (dot != std::string_view::npos) {
        const auto suffix = base::to_lower(name.substr(dot));
        for (const auto& [of, type] : known)
            if (of == suffix) return type;
    }
    return "application/octet-stream";
}

// What must not be base64 (RFC 2046), would be another message, or is no type at all
// becomes application/octet-stream.
std::string type_of(const TnefAttachment& a)
{
    const auto slash = a.type.find('/');
    if (a.opaque) return "application/octet-stream";
    if (slash == std::string::npos || a.type.size() > 120) return type_by_name(a.name);
    const std::string_view main = std::string_view(a.type).substr(0, slash);
    const std::string_view sub = std::string_view(a.type).substr(slash + 1);
    const auto is_token = [](std::string_view s) {
        return !s.empty() && std::all_of(s.begin(), s.end(), mime::is_token_octet) && mime::is_ascii(s);
    };
    constexpr std::string_view mains[] = {"application", "audio", "font", "image", "model", "text", "video"};
    const bool leaf = std::find(std::begin(mains), std::end(mains), main) != std::end(mains);
    return leaf && is_token(sub) && sub.find("ms-tnef") == std::string_view::npos
               ? a.type
               : "application/octet-stream";
}

bool is_message_id(std::string_view text)
{
    return !text.empty() && text.size() < 500 &&
           std::all_of(
               text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~' && c != '<' && c != '>'; });
}

MimeEntity file_entity(const TnefAttachment& a, bool in_html)
{
    std::string out = "Content-Type: " + type_of(a) + "\r\nContent-Transfer-Encoding: base64\r\n";
    if (is_message_id(a.content_id)) out += "Content-ID: <" + a.content_id + ">\r\n";
    out += in_html ? "Content-Disposition: inline" : "Content-Disposition: attachment";
    out += parameter("filename", a.name.empty() ? "attachment" : a.name) + "\r\n\r\n";
    return in_base64(out, a.data);
}

MimeEntity whole(std::vector<MimeEntity> parts, const ComposeContext& context)
{
    return parts.size() == 1 ? std::move(parts.front()) : multipart("mixed", parts, *context.random);
}

// A message in the message, with a header made of its properties.
MimeEntity message_entity(const TnefAttachment& a, const ComposeContext& context)
{
    const TnefMessage& m = *a.message;
    std::vector<const mime::TnefAddress*> to, cc;
    ComposeContext own{context.random, context.now, {m.from, {}}, {}};
    for (const auto& r : m.recipients) {
        if (r.kind == TnefRecipient::Kind::bcc) continue;
        (r.kind == TnefRecipient::Kind::to ? to : cc).push_back(&r.who);
        own.people.attendees.push_back(r);
    }
    std::string out = "Content-Type: message/rfc822\r\nContent-Disposition: attachment";
    out += parameter("filename",
                     (a.name.empty() ? "message" : a.name) + (a.name.ends_with(".eml") ? "" : ".eml"));
    out += "\r\n\r\n" + address_field("From", {&m.from}) + address_field("To", to) + address_field("Cc", cc);
    out += text_field("Subject", m.subject);
    if (m.date) out += "Date: " + mime::format_date(*m.date) + "\r\n";
    if (m.message_id.size() > 2 && m.message_id.starts_with('<') && m.message_id.ends_with('>') &&
        is_message_id(std::string_view(m.message_id).substr(1, m.message_id.size() - 2)))
        out += "Message-ID: " + m.message_id + "\r\n";
    return joined(out + "MIME-Version: 1.0\r\n", whole(compose(m, std::nullopt, own), own));
}

// --- the body ------------------------------------------------------------------

// The Content-IDs that HTML points to, sorted, found in one pass.
std::vector<std::string_view> content_ids(std::string_view html)
{
    std::vector<std::string_view> out;
    constexpr std::string_view scheme = "cid:";
    for (auto at = html.find(scheme); at != std::string_view::npos; at = html.find(scheme, at)) {
        at += scheme.size();
        const auto rest = html.substr(at, 500);
        const auto id = rest.substr(0, rest.find_first_of("\"'<>() \t\r\n"));
        if (is_message_id(id)) out.push_back(id);
        at += id.size();
    }
    std::sort(out.begin(), out.end());
    return out;
}

MimeEntity html_entity(const TnefMessage& m, const std::vector<bool>& in_html, const ComposeContext& context)
{
    std::vector<MimeEntity> parts{text_entity("text/html", m.html->charset, m.html->octets)};
    for (std::size_t i = 0; i < m.attachments.size(); ++i)
        if (in_html[i]) parts.push_back(file_entity(m.attachments[i], true));
    if (parts.size() == 1) return std::move(parts.front());
    return multipart("related", parts, *context.random, "; type=\"text/html\"");
}

// Who answers is the attendee, who is answered the organizer.
mime::CalendarPeople in_their_roles(const mime::TnefMeeting& meeting, const mime::CalendarPeople& people)
{
    using Method = mime::TnefMeeting::Method;
    if ((meeting.method != Method::reply && meeting.method != Method::counter) || people.attendees.empty())
        return people;
    return {people.attendees.front().who, {{TnefRecipient::Kind::to, people.organizer}}};
}

}  // namespace

MimeEntity multipart(const std::string& subtype, const std::vector<MimeEntity>& parts, base::Random& random,
                     const std::string& parameters)
{
    // Looked for in each multipart above it, of which there can be many, and in parts of nothing
    // but hyphens: by what is random in it, from the end.
    std::string unique;
    const auto within = [&](const MimeEntity& part) {
        const std::boyer_moore_horspool_searcher search(unique.begin(), unique.end());
        return std::search(part.begin(), part.end(), search) != part.end();
    };
    do {
        unique = random.hex(32);
    } while (std::any_of(parts.begin(), parts.end(), within));
    const std::string boundary = "----=_tnef_" + unique;
    const std::string header = "Content-Type: multipart/" + subtype + ";\r\n boundary=\"" + boundary + "\"" +
                               parameters + "\r\n\r\n";
    std::size_t size = header.size() + boundary.size() + 6;
    for (const auto& part : parts) size += part.size() + boundary.size() + 6;
    std::string out = base::string_with_room(size);
    out += header;
    for (const auto& part : parts)
        out.append("--").append(boundary).append("\r\n").append(part).append("\r\n");
    out.append("--").append(boundary).append("--\r\n");
    return out;
}

std::vector<MimeEntity> compose(const TnefMessage& m, const std::optional<MimeEntity>& text,
                                const ComposeContext& context)
{
    std::vector<bool> in_html;
    in_html.reserve(m.attachments.size());
    const bool any = std::any_of(m.attachments.begin(), m.attachments.end(),
                                 [](const TnefAttachment& a) { return !a.content_id.empty(); });
    const auto named = m.html && any ? content_ids(m.html->octets) : std::vector<std::string_view>();
    for (const auto& a : m.attachments)
        in_html.push_back(!a.message && is_message_id(a.content_id) &&
                          std::binary_search(named.begin(), named.end(), a.content_id));

    std::vector<MimeEntity> forms;
    if (text)
        forms.push_back(*text);
    else if (m.text)
        forms.push_back(text_entity("text/plain", "utf-8", *m.text));
    if (m.html) forms.push_back(html_entity(m, in_html, context));
    if (m.meeting)
        forms.push_back(text_entity(std::string("text/calendar; method=") + mime::name(m.meeting->method),
                                    "utf-8",
                                    mime::calendar_of(*m.meeting, in_their_roles(*m.meeting, context.people),
                                                      m.subject.empty() ? context.subject : m.subject,
                                                      m.text.value_or(""), context.now)));
    if (forms.empty()) forms.push_back(text_entity("text/plain", "utf-8", ""));

    std::vector<MimeEntity> out;
    out.push_back(forms.size() == 1 ? std::move(forms.front())
                                    : multipart("alternative", forms, *context.random));
    if (m.rich) {
        TnefAttachment rich;
        rich.name = "message.rtf";
        rich.data = *m.rich;
        out.push_back(file_entity(rich, false));
    }
    for (std::size_t i = 0; i < m.attachments.size(); ++i) {
        const auto& a = m.attachments[i];
        if (!in_html[i]) out.push_back(a.message ? message_entity(a, context) : file_entity(a, false));
    }
    return out;
}

}  // namespace gateway
