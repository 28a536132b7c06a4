// From attributes and properties to a TnefMessage.
#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "mime/address.h"
#include "mime/tnef.h"
#include "mime/tnef_meeting.h"
#include "mime/tnef_rtf.h"
#include "mime/tnef_stream.h"
#include "mime/tnef_words.h"
#include "mime/utf8.h"

namespace mime
{
namespace
{

using A = TnefAttribute;
using P = MapiProperties;
template <class T>
using Found = tl::expected<T, std::string>;

tl::unexpected<std::string> cannot(std::string why) { return tl::make_unexpected(std::move(why)); }

// PidTag... of MS-OXPROPS.
enum Tag : std::uint16_t {
    message_class = 0x001a,
    subject = 0x0037,
    subject_prefix = 0x003d,
    client_submit_time = 0x0039,
    representing_name = 0x0042,
    representing_type = 0x0064,
    representing_address = 0x0065,
    representing_smtp = 0x5d02,
    recipient_type = 0x0c15,
    sender_name = 0x0c1a,
    sender_type = 0x0c1e,
    sender_address = 0x0c1f,
    sender_smtp = 0x5d01,
    normalized_subject = 0x0e1d,
    body = 0x1000,
    rtf_compressed = 0x1009,
    body_html = 0x1013,
    internet_message_id = 0x1035,
    display_name = 0x3001,
    address_type = 0x3002,
    email_address = 0x3003,
    smtp_address = 0x39fe,
    attach_data = 0x3701,
    attach_filename = 0x3704,
    attach_method = 0x3705,
    attach_long_filename = 0x3707,
    attach_mime_tag = 0x370e,
    attach_content_id = 0x3712,
    internet_code_page = 0x3fde,
};

constexpr base::Octets iid_message("\x07\x03\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", 16);

std::string addr_spec(std::string_view text)
{
    Mailbox mailbox;
    return parse_address(text, mailbox) ? mailbox.address() : std::string();
}

// What is used up by all messages in one another.
struct Budget {
    TnefLimits& limits;
    CodePages& pages;
};

class MessageReader
{
public:
    MessageReader(Budget& budget, std::size_t depth) : budget_(budget), depth_(depth) {}

    Found<TnefMessage> run(base::Octets octets)
    {
        auto attributes = tnef_attributes(octets);
        if (!attributes) return cannot(attributes.error());
        for (const auto& a : *attributes)
            if (!a.of_attachment && a.id == A::code_page) {
                TnefReader in(a.data);
                if (const auto page = in.number(4); in.ok() && page != 0) code_page_ = page;
            }
        for (const auto& a : *attributes)
            if (!(a.of_attachment ? attachment_attribute(a) : message_attribute(a))) return cannot(why_);
        if (!(end_attachment() && whole_message())) return cannot(why_);
        return std::move(out_);
    }

private:
    bool give_up(std::string why)
    {
        why_ = std::move(why);
        return false;
    }
    bool not_in_code_page() { return give_up("a text is not in the code page that it names"); }

    // False only when there is a text, and it cannot be read.
    bool text(const P& properties, std::uint16_t tag, std::string& to)
    {
        const auto* p = properties.find(tag);
        if (!P::is_text(p)) return true;
        auto read = P::text(p, budget_.pages, code_page_);
        if (!read) return not_in_code_page();
        if (!read->empty()) to = std::move(*read);
        return true;
    }
    bool text(base::Octets octets, std::string& to)
    {
        auto read = budget_.pages.utf8(without_nul(octets), code_page_);
        if (!read) return not_in_code_page();
        to = std::move(*read);
        return true;
    }

    bool read_properties(TnefReader& in, P& to)
    {
        auto read = P::read(in, budget_.limits.properties);
        if (!read) return give_up(read.error());
        to = std::move(*read);
        return true;
    }

    bool message_attribute(const A& a)
    {
        TnefReader in(a.data);
        switch (a.id) {
            case A::message_class: class_ = modern_class(a.data); return true;
            case A::subject: return text(a.data, out_.subject);
            case A::message_id: stamp_ = without_nul(a.data); return true;
            case A::from: return legacy_sender(in);
            case A::body: {
                std::string body_text;
                if (!text(a.data, body_text)) return false;
                out_.text = with_crlf(body_text);
                return true;
            }
            case A::properties: return read_properties(in, properties_);
            case A::recipients: return recipient_table(in);
            default: return true;
        }
    }

    // A "triple" (MS-OXTNEF section 2.1.3.3.2): four numbers, name and "SMTP:address".
    bool legacy_sender(TnefReader& in)
    {
        static_cast<void>(in.take(4));
        const auto name_size = in.number(2), address_size = in.number(2);
        const auto name = in.take(name_size);
        const auto address = without_nul(in.take(address_size));
        if (!in.ok() || !base::istarts_with(address, "smtp:")) return true;
        out_.from.address = addr_spec(address.substr(5));
        return text(name, out_.from.name);
    }

    bool recipient_table(TnefReader& in)
    {
        const auto rows = in.number(4);
        for (std::uint32_t i = 0; i < rows; ++i) {
            if (out_.recipients.size() >= budget_.limits.recipients) return give_up("too many recipients");
            P row;
            if (!read_properties(in, row)) return false;
            TnefRecipient recipient;
            switch (P::number(row.find(recipient_type)).value_or(1) & 0xffU) {
                case 2: recipient.kind = TnefRecipient::Kind::cc; break;
                case 3: recipient.kind = TnefRecipient::Kind::bcc; break;
                default: break;
            }
            if (!person(row, {display_name, address_type, email_address, smtp_address}, recipient.who))
                return false;
            out_.recipients.push_back(std::move(recipient));
        }
        return true;
    }

    // What is written of names is many times as long.
    bool named(const std::string& name)
    {
        if (name.size() > budget_.limits.names) return give_up("its names are too long");
        budget_.limits.names -= name.size();
        return true;
    }

    struct PersonTags {
        std::uint16_t name, type, address, smtp;
    };
    bool person(const P& properties, const PersonTags& tags, TnefAddress& to)
    {
        std::string type, address, smtp;
        if (!(text(properties, tags.name, to.name) && text(properties, tags.type, type) &&
              text(properties, tags.address, address) && text(properties, tags.smtp, smtp)))
            return false;
        to.name = one_line(std::move(to.name));
        if (smtp.empty() && (type.empty() || base::iequals(type, "smtp"))) smtp = std::move(address);
        if (auto found = addr_spec(smtp); !found.empty()) to.address = std::move(found);
        return true;
    }

    bool attachment_attribute(const A& a)
    {
        if (a.id == A::attach_rendering) {
            if (!end_attachment()) return false;
            in_attachment_ = true;
            return true;
        }
        in_attachment_ = true;
        TnefReader in(a.data);
        switch (a.id) {
            case A::attach_data: data_ = a.data; return true;
            case A::attach_title: return text(a.data, title_);
            case A::attach_properties: return read_properties(in, attach_properties_);
            default: return true;
        }
    }

    bool end_attachment()
    {
        if (!in_attachment_) return true;
        in_attachment_ = false;
        if (budget_.limits.attachments == 0) return give_up("too many attachments");
        --budget_.limits.attachments;
        TnefAttachment out;
        const P properties = std::exchange(attach_properties_, {});
        std::string name = std::exchange(title_, {}), shown_name, long_name, type, id;
        if (!(text(properties, display_name, shown_name) && text(properties, attach_filename, long_name) &&
              text(properties, attach_long_filename, long_name) && text(properties, attach_mime_tag, type) &&
              text(properties, attach_content_id, id)))
            return false;
        if (!long_name.empty()) name = std::move(long_name);
        if (name.empty()) name = std::move(shown_name);
        out.type = base::to_lower(one_line(std::move(type)));
        out.content_id = one_line(std::move(id));
        if (out.content_id.starts_with('<')) out.content_id.erase(0, 1);
        if (out.content_id.ends_with('>')) out.content_id.pop_back();
        if (!attached(properties, out)) return false;
        if (out.message && name.empty()) name = out.message->subject;
        out.name = file_name(std::move(name), out.message != nullptr);
        if (!named(out.name)) return false;
        out_.attachments.push_back(std::move(out));
        return true;
    }

    bool attached(const P& properties, TnefAttachment& out)
    {
        constexpr std::uint32_t by_reference = 2, last_reference = 4, by_web_reference = 7;
        const auto data = std::exchange(data_, std::nullopt);
        const auto* p = properties.find(attach_data);
        const auto property = P::binary(p);
        const auto method = P::number(properties.find(attach_method)).value_or(1);
        const bool elsewhere =
            (method >= by_reference && method <= last_reference) || method == by_web_reference;
        if (property && p->type == 0x000d) {  // an object, its kind before it
            if (property->starts_with(iid_message))
                return embedded(property->substr(iid_message.size()), out);
            out.opaque = true;
            out.data = property->substr(std::min(property->size(), iid_message.size()));
        } else if (property) {
            out.data = *property;
        } else if (data && !(elsewhere && data->empty())) {
            out.data = *data;
        } else {
            return give_up(elsewhere ? "an attachment that is kept somewhere else"
                                     : "an attachment without content");
        }
        return true;
    }

    bool embedded(base::Octets octets, TnefAttachment& out)
    {
        if (depth_ >= budget_.limits.depth) return give_up("messages in messages, too deeply");
        auto message = MessageReader(budget_, depth_ + 1).run(octets);
        if (!message) return give_up("in an attached message: " + message.error());
        out.message = std::make_shared<const TnefMessage>(std::move(*message));
        return true;
    }

    bool whole_message()
    {
        std::string modern;
        if (!text(properties_, message_class, modern)) return false;
        if (!modern.empty()) class_ = modern_class(modern);
        if (!is_mail_class(class_) && !is_meeting_class(class_))
            return give_up("its class is " + shown_class(class_));
        std::string plain, prefix, rest;
        if (!(text(properties_, subject_prefix, prefix) && text(properties_, normalized_subject, rest)))
            return false;
        if (out_.subject.empty() && !rest.empty()) out_.subject = prefix + rest;
        if (!(text(properties_, subject, out_.subject) &&
              text(properties_, internet_message_id, out_.message_id) && text(properties_, body, plain)))
            return false;
        out_.subject = one_line(std::move(out_.subject));
        if (!named(out_.subject)) return false;
        out_.message_id = one_line(std::move(out_.message_id));
        if (!plain.empty()) out_.text = with_crlf(plain);
        out_.date = P::time(properties_.find(client_submit_time));
        if (!person(properties_, {sender_name, sender_type, sender_address, sender_smtp}, out_.from) ||
            !person(properties_,
                    {representing_name, representing_type, representing_address, representing_smtp},
                    out_.from))
            return false;
        if (!html_body() || !rtf_body()) return false;
        if (!is_meeting_class(class_)) return true;
        auto meeting = read_meeting(class_, properties_, stamp_, budget_.pages, code_page_);
        if (!meeting) return give_up(meeting.error());
        out_.meeting = std::move(*meeting);
        return true;
    }

    bool html_body()
    {
        const auto* p = properties_.find(body_html);
        std::string html;
        if (P::is_text(p)) {
            if (!text(properties_, body_html, html)) return false;
            if (!html.empty()) out_.html = TnefMessage::Html{std::move(html), "utf-8"};
            return true;
        }
        const auto binary = P::binary(p);
        if (!binary) return true;
        constexpr unsigned utf16 = 1200;
        const auto page = P::number(properties_.find(internet_code_page)).value_or(code_page_);
        html = page == utf16 ? utf8_of_utf16(*binary) : std::string(*binary);
        html.resize(html.find_last_not_of('\0') + 1);
        const char* charset = page == utf16 ? "utf-8" : charset_of_code_page(page);
        if (charset == nullptr) {
            if (!is_ascii(html)) return give_up("HTML in an unknown code page");
            charset = "us-ascii";
        }
        if (!html.empty()) out_.html = TnefMessage::Html{std::move(html), charset};
        return true;
    }

    bool rtf_body()
    {
        const auto compressed = P::binary(properties_.find(rtf_compressed));
        if (!compressed || compressed->empty()) return true;
        auto rtf = decompress_rtf(*compressed, budget_.limits.expanded);
        if (!rtf) return give_up(rtf.error());
        budget_.limits.expanded -= rtf->size();
        auto read = read_rtf(*rtf, budget_.pages);
        if (!read) return give_up(read.error());
        // One octet can become three.
        const auto more = std::max(read->utf8.size(), rtf->size()) - rtf->size();
        if (more > budget_.limits.expanded) return give_up("its text is too large");
        budget_.limits.expanded -= more;
        if (read->kind == RtfBody::Kind::html) {
            if (!out_.html) out_.html = TnefMessage::Html{std::move(read->utf8), "utf-8"};
            return true;
        }
        if (read->kind == RtfBody::Kind::rich && !out_.html) out_.rich = std::move(*rtf);
        if (!out_.text && !out_.html) {
            out_.text_from_rich = read->kind == RtfBody::Kind::rich;
            out_.text = std::move(read->utf8);
        }
        return true;
    }

    Budget& budget_;
    std::size_t depth_;
    unsigned code_page_ = 1252;
    std::string why_, class_, stamp_;
    P properties_;
    TnefMessage out_;
    // The attachment that is being read.
    bool in_attachment_ = false;
    std::string title_;
    std::optional<base::Octets> data_;
    P attach_properties_;
};

}  // namespace

tl::expected<TnefMessage, std::string> read_tnef(base::Octets octets, const TnefLimits& limits)
{
    auto left = limits;
    CodePages pages;
    return read_tnef_within(octets, left, pages);
}

tl::expected<TnefMessage, std::string> read_tnef_within(base::Octets octets, TnefLimits& left,
                                                        CodePages& pages)
{
    Budget budget{left, pages};
    return MessageReader(budget, 0).run(octets);
}

}  // namespace mime
