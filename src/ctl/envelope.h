// The options of explain and process: a message and the session that brings it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/options.h"
#include "gateway/message.h"

namespace ctl
{

struct EnvelopeOptions {
    std::optional<std::string> from;
    std::vector<std::string> to;
    std::optional<std::string> mail_from;
    std::optional<std::string> auth;
    std::optional<std::string> tls_client;  // "SUBJECT issued by ISSUER"
    std::optional<std::string> client;
    std::optional<std::string> listener;
    std::vector<std::string> header;
};

void add_envelope_options(Options& options, EnvelopeOptions& into);

// The message with the --header fields on top of it; MAIL FROM is --mail-from,
// else --from, else the author.  Without a message there is only a header, made
// of --from and --header.
[[nodiscard]] base::Result<gateway::Message> message_for(const EnvelopeOptions& options,
                                                         const std::optional<std::string>& file);

}  // namespace ctl
