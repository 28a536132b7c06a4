// inspect: the MIME tree with offsets and the CMS layers; no judgement.
#include "cms/inspect.h"

#include <fmt/format.h>

#include <array>
#include <memory>

#include "base/ascii.h"
#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/json.h"
#include "ctl/output.h"
#include "mime/codec.h"
#include "mime/structure.h"

namespace ctl
{
namespace
{

constexpr std::size_t max_trees = 16;  // the message and what signatures enclose

struct Node {
    std::string section;
    int depth = 0;
    std::size_t begin = 0, body = 0, end = 0;  // octets from the start of the tree
    std::string type, encoding, name;
    std::vector<std::string> defects;
    std::optional<cms::Picture> cms;
    std::size_t cms_octets = 0;
};

// The message, or the content that a SignedData encloses.
struct Tree {
    std::string inside;  // section path of the part that encloses it, for the message empty
    base::Octets octets;
    std::shared_ptr<const std::string> owner;
    std::vector<Node> nodes;
};

std::string file_name(const mime::Part& part)
{
    if (const auto* field = part.header.find("Content-Disposition")) {
        const auto disposition = mime::parse_disposition(field->value);
        if (const auto* name = disposition.parameter("filename")) return *name;
    }
    const auto* name = part.content_type.parameter("name");
    return name == nullptr ? "" : *name;
}

bool holds_cms(const mime::ContentType& type, const std::string& name)
{
    for (const char* subtype : {"pkcs7-mime", "x-pkcs7-mime", "pkcs7-signature", "x-pkcs7-signature"})
        if (type.is("application", subtype)) return true;
    if (!type.is("application", "octet-stream") || name.size() < 4) return false;
    const std::string end = base::to_lower(name.substr(name.size() - 4));
    return end == ".p7m" || end == ".p7s" || end == ".p7c" || end == ".p7z";
}

std::string type_text(const mime::ContentType& type)
{
    std::string out = type.type + "/" + type.subtype + (type.present ? "" : " (by default)");
    for (const char* shown : {"charset", "protocol", "micalg", "smime-type"})
        if (const auto* value = type.parameter(shown)) out += std::string("; ") + shown + "=" + *value;
    return out;
}

std::vector<std::string> defects_of(const mime::Part& part)
{
    std::vector<std::string> out;
    for (std::uint32_t bit = 1; bit <= static_cast<std::uint32_t>(mime::Defect::last); bit <<= 1U)
        if (const auto defect = static_cast<mime::Defect>(bit); part.defects.has(defect))
            out.emplace_back(mime::describe(defect));
    if (part.header.junk) out.emplace_back("the header ends at a line that is no field");
    return out;
}

// Fills in `tree`; contents that signatures enclose are appended to `more`.
void examine(Tree& tree, std::vector<Tree>& more)
{
    const auto header = mime::parse_header(tree.octets);
    const auto structure = mime::parse_structure(header, tree.octets.substr(header.body));
    const auto offset = [&](base::Octets at) {
        return at.data() == nullptr ? tree.octets.size()
                                    : static_cast<std::size_t>(at.data() - tree.octets.data());
    };
    for (const auto& part : structure.parts) {
        Node node;
        node.section = part.section;
        node.depth = part.depth;
        node.begin = part.parent < 0 ? 0 : offset(part.whole);
        node.body = offset(part.body);
        node.end = part.parent < 0 ? tree.octets.size() : node.begin + part.whole.size();
        node.type = type_text(part.content_type);
        node.encoding = part.encoding;
        node.name = file_name(part);
        node.defects = defects_of(part);
        if (holds_cms(part.content_type, node.name)) {
            const auto der = mime::decode(part.encoding, part.body);
            if (!der) {
                node.defects.emplace_back("its " + part.encoding + " cannot be decoded");
            } else {
                node.cms_octets = der->size();
                node.cms = cms::inspect(*der);
            }
        }
        if (node.cms && node.cms->content) {
            Tree enclosed;
            enclosed.inside =
                (tree.inside.empty() ? "" : tree.inside + "/") + (node.section.empty() ? "1" : node.section);
            enclosed.owner = std::make_shared<const std::string>(std::move(*node.cms->content));
            enclosed.octets = *enclosed.owner;
            node.cms->content.emplace();  // only the fact that it is there matters from here on
            more.push_back(std::move(enclosed));
        }
        tree.nodes.push_back(std::move(node));
    }
}

std::vector<Tree> forest_of(base::Octets message)
{
    std::vector<Tree> trees(1);
    trees.front().octets = message;
    for (std::size_t i = 0; i < trees.size() && i < max_trees; ++i) {
        std::vector<Tree> more;
        examine(trees[i], more);
        for (auto& tree : more)
            if (trees.size() < max_trees) trees.push_back(std::move(tree));
    }
    return trees;
}

// --- text ---

std::string text_of(const cms::SignerPicture& s)
{
    const std::string id =
        s.key_identifier.empty() ? "serial " + s.serial + ", issuer " + s.issuer : "key " + s.key_identifier;
    std::string out = fmt::format("{}; {}, {}", id, s.digest, s.signature);
    out += s.signed_attributes ? "" : ", no signed attributes";
    return s.signing_time ? out + ", at " + base::iso8601(*s.signing_time) : out;
}

std::string text_of(const cms::Certificate& c)
{
    return fmt::format("{} ({}); serial {}, issuer {}; {}, {} to {}{}", c.subject(),
                       c.addresses().empty() ? "no address" : join(c.addresses()), c.serial(), c.issuer(),
                       describe_key(c), base::iso8601(c.not_before()).substr(0, 10),
                       base::iso8601(c.not_after()).substr(0, 10), c.is_ca() ? ", CA" : "");
}

bool is_envelope(const cms::Picture& p)
{
    return p.kind == cms::ContentKind::enveloped_data || p.kind == cms::ContentKind::auth_enveloped_data;
}

std::string text_of(const cms::RecipientPicture& r)
{
    std::string id;
    if (!r.key_identifier.empty())
        id = "key " + r.key_identifier + "; ";
    else if (!r.serial.empty())
        id = "serial " + r.serial + ", issuer " + r.issuer + "; ";
    return id + r.transport;
}

std::string text_of(const cms::Picture& p, std::size_t octets, const std::string& indent)
{
    const auto line = [&](std::string_view label, std::string_view text) {
        return fmt::format("{}  {:<13}{}\n", indent, label, display(text));
    };
    std::string out = fmt::format("{}CMS {}, {} octets", indent, cms::name(p.kind), octets);
    if ((p.kind == cms::ContentKind::signed_data || is_envelope(p)) && !p.parsed) out += ", cannot be parsed";
    if (p.parsed && is_envelope(p)) {
        out += ": " + (p.cipher.empty() ? "a cipher that is not supported" : display(p.cipher)) + "\n";
        for (const auto& recipient : p.recipients) out += line("recipient", text_of(recipient));
        if (p.more_recipients > 0) out += line("recipient", fmt::format("and {} more", p.more_recipients));
        if (p.trailing > 0) out += line("trailing", std::to_string(p.trailing) + " octets after the CMS");
        return out;
    }
    if (p.parsed)
        out += fmt::format(": {}, {}", display(p.content_type), p.content ? "content enclosed" : "detached");
    out += "\n";
    for (const auto& signer : p.signers) out += line("signer", text_of(signer));
    if (p.parsed && p.signers.empty()) out += line("signer", "none (certificates only)");
    for (const auto& certificate : p.certificates) out += line("certificate", text_of(certificate));
    if (p.unreadable_certificates > 0) out += line("certificate", "some that cannot be parsed");
    if (p.crls > 0) out += line("CRLs", std::to_string(p.crls));
    if (p.trailing > 0) out += line("trailing", std::to_string(p.trailing) + " octets after the CMS");
    return out;
}

std::string text_of(const std::vector<Tree>& trees)
{
    std::string out;
    for (const auto& tree : trees) {
        out += tree.inside.empty() ? "message" : "\nenclosed in the CMS of part " + tree.inside;
        out += fmt::format(", {} octets\n", tree.octets.size());
        for (const auto& node : tree.nodes) {
            const std::string indent(static_cast<std::size_t>(node.depth) * 2, ' ');
            std::string text = node.type;
            if (!node.encoding.empty()) text += ", " + node.encoding;
            if (!node.name.empty()) text += ", \"" + node.name + "\"";
            const std::string range = fmt::format("{}-{}", node.begin, node.end);
            const std::string deep = fmt::format("{:<17}{}{:<8}", "", indent, "");
            out += fmt::format("  {:<15}{}{:<8}{} (body at {})\n", range, indent,
                               node.section.empty() ? "-" : node.section, display(text), node.body);
            for (const auto& defect : node.defects) out += deep + "! " + display(defect) + "\n";
            if (node.cms) out += text_of(*node.cms, node.cms_octets, deep);
        }
    }
    return out;
}

// --- JSON ---

Json json_of(const cms::Picture& p, std::size_t octets)
{
    Json signers = Json::array();
    for (const auto& s : p.signers)
        signers.push_back({{"issuer", s.issuer},
                           {"serial", s.serial},
                           {"key_identifier", s.key_identifier},
                           {"digest", s.digest},
                           {"signature", s.signature},
                           {"signed_attributes", s.signed_attributes},
                           {"signing_time", s.signing_time ? Json(base::iso8601(*s.signing_time)) : Json()}});
    Json certificates = Json::array();
    for (const auto& c : p.certificates)
        certificates.push_back({{"subject", c.subject()},
                                {"addresses", c.addresses()},
                                {"issuer", c.issuer()},
                                {"serial", c.serial()},
                                {"not_before", base::iso8601(c.not_before())},
                                {"not_after", base::iso8601(c.not_after())},
                                {"key", describe_key(c)},
                                {"ca", c.is_ca()}});
    Json recipients = Json::array();
    for (const auto& r : p.recipients)
        recipients.push_back({{"issuer", r.issuer},
                              {"serial", r.serial},
                              {"key_identifier", r.key_identifier},
                              {"transport", r.transport}});
    return {{"kind", cms::name(p.kind)},
            {"octets", octets},
            {"parsed", p.parsed},
            {"content_type", p.content_type},
            {"detached", p.parsed && !is_envelope(p) && !p.content},
            {"cipher", p.cipher},
            {"recipients", recipients},
            {"signers", signers},
            {"certificates", certificates},
            {"crls", p.crls},
            {"trailing", p.trailing}};
}

Json json_of(const std::vector<Tree>& trees)
{
    Json list = Json::array();
    for (const auto& tree : trees) {
        Json parts = Json::array();
        for (const auto& n : tree.nodes)
            parts.push_back({{"part", n.section},
                             {"depth", n.depth},
                             {"begin", n.begin},
                             {"body", n.body},
                             {"end", n.end},
                             {"type", n.type},
                             {"encoding", n.encoding},
                             {"name", n.name},
                             {"defects", n.defects},
                             {"cms", n.cms ? json_of(*n.cms, n.cms_octets) : Json()}});
        list.push_back({{"inside", tree.inside}, {"octets", tree.octets.size()}, {"parts", parts}});
    }
    return {{"trees", list}};
}

struct InspectOptions {
    bool json = false;
    std::string message;
};

base::Result<int> run_inspect(const InspectOptions& options)
{
    const auto message = read_message(options.message);
    if (!message) return base::fail(message.error());
    const auto trees = forest_of(message->octets());
    const auto written = options.json ? write_json(json_of(trees)) : write_out(text_of(trees));
    if (!written) return base::fail(written.error());
    return exit_yes;
}

}  // namespace

Run inspect(Options& options, const Global& global)
{
    static_cast<void>(global);  // needs no configuration
    auto o = std::make_shared<InspectOptions>();
    options.flag("--json", o->json, "one JSON object");
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o] { return run_inspect(*o); };
}

}  // namespace ctl
