#include "gateway/strip.h"

#include "gateway/restore.h"

namespace gateway
{
tl::expected<Rewrite, std::string> strip_signature(const Message& message, const Verdict& verdict, bool any)
{
    if (verdict.scope != Scope::message || verdict.layers.empty())
        return tl::make_unexpected(verdict.scope == Scope::part ? "only a part of the message is signed"
                                                                : "the message is not signed");
    if (!any && verdict.result() != cms::Code::pass)
        return tl::make_unexpected("the signature did not pass: " + verdict.reason());

    if (verdict.layers.front().findings.has(cms::Finding::protected_from))
        return tl::make_unexpected("the signed header names another From than the message");

    std::size_t last = any ? 0 : static_cast<std::size_t>(verdict.deciding);
    while (last + 1 < verdict.layers.size() && verdict.layers[last + 1].findings.empty()) ++last;
    const Layer& layer = verdict.layers[last];
    if (layer.content.empty())
        return tl::make_unexpected("the signature encloses nothing that could be restored");

    return restore(message, layer.content, layer.owned, "the signed part");
}

}  // namespace gateway
