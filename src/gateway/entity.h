// An entity that may be a signature layer: the message, or what a layer encloses
// (semantics B.1, B.2 steps 1 to 4).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "cms/finding.h"
#include "mime/content_type.h"
#include "mime/header.h"
#include "mime/structure.h"

namespace gateway
{

struct Entity {
    mime::Header header;
    base::Octets body;
    mime::ContentType type;
    std::string encoding;
    std::string path;                          // IMAP section prefix of its parts, "" or "1." and so on
    bool taken_for_opaque = false;             // by take_octet_stream()
    bool duplicate_type = false;               // two Content-Type or Content-Transfer-Encoding fields
    std::shared_ptr<const std::string> owner;  // keeps the octets of an opaque layer
};

[[nodiscard]] Entity examine(mime::Header header, base::Octets body, std::string path);

[[nodiscard]] bool claims_clear(
    const mime::ContentType& type);  // multipart/signed, a protocol of S/MIME however it is written
[[nodiscard]] bool claims_opaque(const mime::ContentType& type);  // application/(x-)pkcs7-mime
// Does any Content-Type field claim S/MIME, or a multipart/signed of whatever
// protocol hold a part that is an S/MIME signature?  With two fields each may be
// the one that a reader believes.
[[nodiscard]] bool claims_smime(const Entity& entity);

// The lower-case suffix of the file name that Content-Type or Content-Disposition
// gives, ".p7m"; "" for none.
[[nodiscard]] std::string file_suffix(const std::vector<mime::Field>& fields, const mime::ContentType& type);
// application/octet-stream named *.p7m becomes application/pkcs7-mime: some programs
// know no better type (RFC 8551 section 3.10).
void take_octet_stream(Entity& entity);

// A multipart/signed, opened as strictly as RFC 1847 section 2.1 allows: nothing
// is guessed, for another reader might guess differently.
struct ClearSigned {
    cms::Findings findings;   // of structure; empty: `parts` and `der` are there
    mime::SignedParts parts;  // views of the entity's body
    std::string der;          // the decoded second part
};
[[nodiscard]] ClearSigned open_clear(const Entity& entity);

}  // namespace gateway
