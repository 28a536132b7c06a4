// Helpers of the mime tests.
#pragma once

#include <chrono>
#include <random>
#include <string>
#include <string_view>

#include "mime/structure.h"

namespace mime_test
{

// "\n" becomes CRLF, so that messages can be written as people read them.
inline std::string crlf(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\n') out += '\r';
        out += c;
    }
    return out;
}

// A message, its octets and its tree; the views of the tree point into it.
class Parsed
{
public:
    explicit Parsed(std::string octets, const mime::Limits& limits = {}) : octets_(std::move(octets))
    {
        const auto header = mime::parse_header(octets_, limits.header);
        structure_ = mime::parse_structure(header, base::Octets(octets_).substr(header.body), limits);
    }
    Parsed(const Parsed&) = delete;
    Parsed& operator=(const Parsed&) = delete;

    [[nodiscard]] const std::string& octets() const { return octets_; }
    [[nodiscard]] const mime::Structure& structure() const { return structure_; }
    [[nodiscard]] std::size_t size() const { return structure_.parts.size(); }
    [[nodiscard]] const mime::Part& operator[](std::size_t i) const { return structure_.parts.at(i); }
    [[nodiscard]] const mime::Part& root() const { return structure_.parts.front(); }
    [[nodiscard]] bool has(mime::Defect d) const { return structure_.defects.has(d); }

    // "multipart/mixed  1 text/plain  2 message/rfc822 ..." for comparing trees.
    [[nodiscard]] std::string outline() const
    {
        std::string out;
        for (const auto& p : structure_.parts) {
            if (!out.empty()) out += ' ';
            out += "[" + p.section + "]" + p.content_type.type + "/" + p.content_type.subtype;
        }
        return out;
    }

private:
    std::string octets_;
    mime::Structure structure_;
};

inline std::string multipart(std::string_view boundary, std::string_view body,
                             std::string_view subtype = "mixed")
{
    return "Content-Type: multipart/" + std::string(subtype) + "; boundary=\"" + std::string(boundary) +
           "\"\r\n\r\n" + crlf(body);
}

inline std::string random_octets(std::mt19937& random, std::string_view alphabet, std::size_t size)
{
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += alphabet[random() % alphabet.size()];
    return out;
}

// Generous: a quadratic algorithm would take minutes.
class Stopwatch
{
public:
    [[nodiscard]] double seconds() const
    {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace mime_test
