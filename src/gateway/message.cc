#include "gateway/message.h"

#include "base/ascii.h"

namespace gateway
{
namespace
{

// Splits "Name:value CRLF" as add_field() wrote it.
mime::Field split_field(base::Octets raw)
{
    const auto colon = raw.find(':');
    auto name = raw.substr(0, colon);
    while (!name.empty() && base::is_blank(name.back())) name.remove_suffix(1);  // as mime::parse_header does
    return {raw, name, raw.substr(colon + 1, raw.size() - colon - 3)};
}

mime::Header header_of(base::Octets octets, const std::vector<std::size_t>& ends, std::size_t body)
{
    mime::Header header;
    header.fields.reserve(ends.size());
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
        header.fields.push_back(split_field(octets.substr(begin, end - begin)));
        begin = end;
    }
    header.block = octets.substr(0, begin);
    header.body = body;
    header.terminated = true;
    return header;
}

bool only_bare_line_feeds(base::Octets octets)
{
    return octets.find("\r\n") == base::Octets::npos && octets.find('\n') != base::Octets::npos;
}

std::string with_crlf(base::Octets octets)
{
    std::string out;
    out.reserve(octets.size() + octets.size() / 32);
    for (char c : octets) {
        if (c == '\n') out += '\r';
        out += c;
    }
    return out;
}

}  // namespace

bool MessageBuilder::add_field(std::string_view name, std::string_view value)
{
    std::string line;
    line.reserve(name.size() + value.size() + 8);
    line.append(name).append(":");
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\n' && (i == 0 || value[i - 1] != '\r')) line += '\r';
        line += value[i];
    }
    line += "\r\n";
    if (!octets_.append(line)) return false;
    field_ends_.push_back(octets_.size());
    size_ += line.size();
    return true;
}

bool MessageBuilder::end_header()
{
    if (!octets_.append("\r\n")) return false;
    body_begin_ = octets_.size();
    size_ += 2;
    return true;
}

bool MessageBuilder::add_body(base::Octets chunk)
{
    size_ += chunk.size();
    if (body_state_ != BodyState::complete) return true;
    if (!octets_.append(chunk)) return false;
    if (arrival_) arrival_->take(octets_.view().substr(octets_.size() - chunk.size()));
    return true;
}

void MessageBuilder::drop_body(BodyState why)
{
    if (body_state_ != BodyState::complete) return;
    body_state_ = why;
    arrival_.reset();
    // Only the header stays: a message over the limit must not hold the memory it asked for.
    base::Buffer header;
    if (body_begin_ > 0 && octets_.size() > body_begin_ &&
        header.append(octets_.view().substr(0, body_begin_)))
        octets_ = std::move(header);
}

mime::Header MessageBuilder::header_view() const
{
    return header_of(octets_.view(), field_ends_, body_begin_);
}

Message MessageBuilder::finish(Envelope envelope)
{
    Message message;
    message.envelope = std::move(envelope);
    message.size_ = size_;
    message.body_state_ = body_state_;
    message.octets_ = std::move(octets_);
    message.header_ = header_of(message.octets_.view(), field_ends_, body_begin_);
    if (body_state_ == BodyState::complete) message.body_ = message.octets_.view().substr(body_begin_);
    if (arrival_) arrival_->finish();
    message.arrival_ = std::move(arrival_);
    *this = MessageBuilder();
    return message;
}

std::string with_wire_line_ends(std::string octets)
{
    if (only_bare_line_feeds(octets)) return with_crlf(octets);
    return octets;
}

base::Result<Message> message_from_octets(base::Octets octets, Envelope envelope)
{
    using base::Code;
    if (octets.empty()) return base::fail(Code::data, "", "the message is empty");
    if (octets.starts_with("From "))
        return base::fail(Code::data, "", "the input is an mbox, not a message",
                          "remove its first line (\"From ...\")");
    Message message;
    message.envelope = std::move(envelope);
    const bool stored = only_bare_line_feeds(octets) ? message.octets_.append(with_crlf(octets))
                                                     : message.octets_.append(octets);
    if (!stored) return base::fail(Code::temporary, "", "out of memory");
    const auto all = message.octets_.view();
    message.header_ = mime::parse_header(all);
    if (message.header_.fields.empty())
        return base::fail(Code::data, "", "not a message: it does not begin with a header field");
    // What follows would be taken for the body.
    if (message.header_.over_limit)
        return base::fail(Code::data, "", "its header is too large: more than 10,000 fields or 4 MiB");
    message.body_ = all.substr(message.header_.body);
    message.size_ = all.size();
    return message;
}

}  // namespace gateway
