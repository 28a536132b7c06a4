// A message as the MTA handed it over: envelope and octets, immutable once built.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "cms/encrypt.h"
#include "gateway/arrival.h"
#include "mime/header.h"

namespace gateway
{

struct Envelope {
    std::string queue_id;  // "" when the MTA gave none
    std::string mta_name;  // macro {j}
    std::string client;    // IP address as text, "" when not known
    std::string client_name;
    std::string login;
    // Of a TLS client certificate that the MTA has verified, as it names them.
    std::string tls_subject, tls_issuer;
    std::string listener;
    std::string mail_from;                // without <>
    std::vector<std::string> recipients;  // without <>
    // As envrcpt gave them, for smfi_delrcpt (case and brackets matter there).
    std::vector<std::string> recipients_as_given;

    // A copy that comes back after its message was split (gateway/split.h): what
    // was true and decided then, for all copies.
    struct Earlier {
        bool encryption_requested = false;
        bool relayed = false;
        std::optional<cms::Cipher> cipher;
    };
    std::optional<Earlier> earlier;
};

// Was the body kept, and if not, why?
enum class BodyState {
    complete,
    too_large,   // over max_message_size: counted, not kept
    not_needed,  // at end-of-header nothing wanted it
};

// The wire image, CRLF line ends: "Name:value CRLF" for each field, an empty
// line, the body.  Values keep their leading blank and their folding (CRLF and
// a blank).  Owns the octets; views stay valid as long as the message lives and
// also when it is moved.
class Message
{
public:
    Envelope envelope;

    [[nodiscard]] const std::vector<mime::Field>& fields() const { return header_.fields; }
    [[nodiscard]] const mime::Header& header() const { return header_; }
    [[nodiscard]] base::Octets body() const { return body_; }
    [[nodiscard]] base::Octets octets() const { return octets_.view(); }
    [[nodiscard]] BodyState body_state() const { return body_state_; }
    // Octets of the body that was announced or seen, also when it was not kept.
    [[nodiscard]] std::uint64_t size() const { return size_; }
    // What was worked out while the body came; null when nobody asked for it.
    [[nodiscard]] const Arrival* arrival() const { return arrival_.get(); }

private:
    friend class MessageBuilder;
    friend base::Result<Message> message_from_octets(base::Octets, Envelope);
    base::Buffer octets_;
    mime::Header header_;
    base::Octets body_;
    BodyState body_state_ = BodyState::complete;
    std::uint64_t size_ = 0;
    std::unique_ptr<const Arrival> arrival_;
};

// Collects a message from callbacks.  Not thread-safe.
class MessageBuilder
{
public:
    // A field as the milter protocol hands it: folding as LF and a blank; the
    // value with its leading blank.  False: out of memory.
    [[nodiscard]] bool add_field(std::string_view name, std::string_view value);
    [[nodiscard]] bool end_header();
    // From here on `arrival` looks at the body as it comes.  Before its first octet.
    void watch(std::unique_ptr<Arrival> arrival) { arrival_ = std::move(arrival); }
    [[nodiscard]] bool add_body(base::Octets chunk);
    // From here on the body is counted, not kept.
    void drop_body(BodyState why = BodyState::too_large);

    // Octets in memory: what came, and what is kept about each field.
    [[nodiscard]] std::size_t held() const { return octets_.held() + field_ends_.size() * per_field; }
    [[nodiscard]] std::uint64_t size() const { return size_; }  // header and body seen

    // The header alone, for the decision at end-of-header; the builder keeps
    // collecting.  Views of the result die with the next add_body().
    [[nodiscard]] mime::Header header_view() const;

    [[nodiscard]] Message finish(Envelope envelope);

private:
    // Its end, and its views at end-of-header, in the message and while it is
    // worked on: a field of 4 octets costs 40 times as much.
    static constexpr std::size_t per_field = sizeof(std::size_t) + 3 * sizeof(mime::Field);

    base::Buffer octets_;
    std::vector<std::size_t> field_ends_;
    std::size_t body_begin_ = 0;
    std::uint64_t size_ = 0;
    BodyState body_state_ = BodyState::complete;
    std::unique_ptr<Arrival> arrival_;
};

// A message from a file in wire form.  Bare LF line ends throughout become
// CRLF; mixed ones stay.  An mbox "From " line at the start is refused.
// Code::data when it is empty or has no header block.
[[nodiscard]] base::Result<Message> message_from_octets(base::Octets octets, Envelope envelope);

// Octets whose lines all end in a bare LF in wire form, with CRLF; others as they are.
[[nodiscard]] std::string with_wire_line_ends(std::string octets);

}  // namespace gateway
