// The 7-bit transform over generated messages.  The number of leaves in messages
// that it accepts is 20,000, or what TRANSFORM_LEAVES says: tests/run --all asks
// for more than a million.
#include <gtest/gtest.h>

#include <cstdlib>

#include "mime/transport.h"
#include "transform_support.h"

namespace
{

using namespace mime;
using namespace mime_test;

// Messages of every shape, sound in structure unless `careless`: then their
// texts may hold the boundaries around them, and labels may lie.
class Generator
{
public:
    explicit Generator(unsigned seed) : random_(seed) {}

    std::string message(bool careless)
    {
        careless_ = careless;
        return "Subject: generated\r\n" + entity(0);
    }
    [[nodiscard]] std::size_t leaves() const { return leaves_; }

private:
    std::size_t below(std::size_t n) { return random_() % n; }
    template <std::size_t n>
    std::string one_of(const char* const (&words)[n])
    {
        return words[below(n)];
    }

    std::string content()
    {
        static constexpr std::string_view pieces[] = {"\r\n",
                                                      "\r\n",
                                                      "\r\n\r\n",
                                                      " ",
                                                      "\t",
                                                      "=",
                                                      ".",
                                                      "-",
                                                      "--",
                                                      "From ",
                                                      "x",
                                                      "text",
                                                      "\xc3\xa4",
                                                      "\xe4",
                                                      "\r",
                                                      "\n",
                                                      "=20",
                                                      "=\r\n",
                                                      "--b",
                                                      "\r\n--",
                                                      ".\r\n",
                                                      " \r\n",
                                                      "-- \r\n",
                                                      "\r\nFrom x",
                                                      "\xd0\x9f\xd1\x80",
                                                      "Subject: x\r\n",
                                                      "\xff\xfe",
                                                      "=?x?="};
        std::string out;
        const std::size_t kind = below(12);
        const std::size_t size = below(kind == 0 ? 4000 : 150);
        while (out.size() < size) {
            if (kind == 1)
                out += static_cast<char>(random_() & 0xffU);
            else if (kind == 3)
                out += "\xd0\x9f";
            else if (kind == 2 || below(3) == 0)
                out += static_cast<char>(' ' + below(95));
            else
                out += pieces[below(std::size(pieces))];
        }
        if (careless_ || out.find("--b") == std::string::npos) return out;
        for (std::size_t at = 0; (at = out.find("--b", at)) != std::string::npos;) out[at] = '+';
        return out;
    }

    std::string leaf()
    {
        ++leaves_;
        static constexpr const char* types[] = {"",
                                                "text/plain; charset=utf-8",
                                                "text/plain",
                                                "text/html; charset=\"iso-8859-1\"",
                                                "text/plain; format=flowed",
                                                "text/plain; charset=utf-16",
                                                "text/x-y",
                                                "image/png",
                                                "application/pdf; name=\"\xc3\xa4\xc3\xb6.pdf\"",
                                                "application/octet-stream",
                                                "message/global",
                                                "message/delivery-status",
                                                "application/pkcs7-mime",
                                                "text",
                                                "text/plain; x"};
        static constexpr const char* encodings[] = {"", "", "", "7bit", "8bit", "8BIT", "binary"};
        const std::string type = one_of(types);
        std::string header;
        if (!type.empty()) header += "Content-Type: " + type + "\r\n";
        std::string body = content();
        if (below(5) == 0) {
            const bool quote = below(2) == 0;
            header +=
                "Content-Transfer-Encoding: " + std::string(quote ? "quoted-printable" : "base64") + "\r\n";
            if (!careless_ || below(2) == 0) body = quote ? quoted_printable_lines(body) : base64_lines(body);
        } else if (const std::string encoding = one_of(encodings); !encoding.empty()) {
            header += "content-transfer-encoding: " + encoding + "\r\n";
        }
        if (below(8) == 0) header += "Content-Disposition: attachment; filename=\"\xc3\xa4.txt\"\r\n";
        if (below(8) == 0) header += "Content-Description:  caf\xc3\xa9\r\n folded\r\n";
        return header + "\r\n" + body;
    }

    // Depth is bounded by us, so that this may recurse.
    std::string entity(int depth)
    {
        const std::size_t kind = below(depth == 0 ? 3 : depth < 4 ? 6 : 12);
        static constexpr const char* labels[] = {"", "", "Content-Transfer-Encoding: 8bit\r\n",
                                                 "Content-Transfer-Encoding: binary\r\n"};
        if (kind > 2 || depth > 5) return leaf();
        if (kind == 2)
            return "Content-Type: message/rfc822\r\n" + one_of(labels) + "\r\n" +
                   (below(8) == 0 ? "From a@b Mon Nov 23 12:00:00 2026\r\n" : "") + "From: a@b\r\n" +
                   entity(depth + 1);
        static constexpr const char* types[] = {"mixed",  "alternative", "related",
                                                "digest", "signed",      "report"};
        const std::string boundary = "b" + std::to_string(depth) + (below(2) == 0 ? "" : "=_x");
        // As careless software writes them, and MTAs repair them.
        static constexpr const char* blanks[] = {"", "", "", "", "", "", "", " ", "\t "};
        std::string out = "Content-Type: multipart/" + one_of(types) + "; boundary=\"" + boundary + "\"\r\n" +
                          one_of(labels) + "\r\n";
        if (below(3) == 0) out += content() + "\r\n";
        for (std::size_t n = 1 + below(4); n > 0; --n)
            out += "--" + boundary + one_of(blanks) + "\r\n" +
                   (below(16) == 0 ? "X-Header: only\r\n" : entity(depth + 1) + "\r\n");
        if (below(8) == 0) return out;
        return out + "--" + boundary + "--" + (below(2) == 0 ? "\r\n" + content() : "");
    }

    std::mt19937 random_;
    bool careless_ = false;
    std::size_t leaves_ = 0;
};

std::size_t wanted_leaves()
{
    const char* asked = std::getenv("TRANSFORM_LEAVES");
    return asked == nullptr ? 20'000 : std::strtoul(asked, nullptr, 10);
}

TEST(TransformProperty, DecodesToTheSameOctetsAndIsIdempotent)
{
    Generator generate(4);
    std::size_t messages = 0, changed = 0, refused = 0, leaves = 0;
    while (leaves < wanted_leaves()) {
        const std::size_t leaves_before = generate.leaves();
        const Parsed before(generate.message(messages++ % 4 == 0));
        const std::string broken = broken_promise(before);
        ASSERT_EQ(broken, "") << "message " << messages << ":\n" << before.octets();
        const auto made = seven_bit(before);
        if (!made.ok())
            ++refused;
        else if (made.changed)
            ++changed;
        if (!made.ok()) continue;
        leaves += generate.leaves() - leaves_before;
        const Parsed after(made.octets);
        ASSERT_EQ(octet_hazard(after.root().body), std::nullopt) << before.octets();
        ASSERT_EQ(repair_hazard(after.structure()), std::nullopt) << before.octets();
    }
    EXPECT_GT(changed * 4, messages) << "the generator does not do its work";
    EXPECT_LT(refused * 4, messages * 3) << "the generator does not do its work";
}

// Fragile text that remains must have a reason to: it is not ours to change.
TEST(TransformProperty, NoFragileTextIsLeftWhereItCanBeQuoted)
{
    Generator generate(5);
    while (generate.leaves() < wanted_leaves() / 4) {
        const auto made = seven_bit(generate.message(false));
        if (!made.ok()) continue;
        const Parsed after(made.octets);
        std::vector<bool> guarded(after.size());
        for (std::size_t i = 0; i < after.size(); ++i) {
            const Part& part = after[i];
            const bool above = part.parent >= 0 && guarded[static_cast<std::size_t>(part.parent)];
            guarded[i] = above || part.content_type.is("multipart", "signed") ||
                         part.content_type.is("application", "pkcs7-mime") ||
                         part.defects.has(Defect::ambiguous_boundary);
            if (guarded[i]) continue;
            EXPECT_NE(part.encoding, "8bit");
            EXPECT_NE(part.encoding, "binary");
            const bool open = part.encoding != "quoted-printable" && part.encoding != "base64";
            if (open && part.content_type.type == "text") {
                EXPECT_EQ(fragile_text(part.body), nullptr) << made.octets;
            }
        }
    }
}

}  // namespace
