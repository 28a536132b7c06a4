// What the control socket answers.
//
// "status" is answered by "ok: running" or "ok: stopping" and lines "key: value", for
// `smimectl status` to read and for scripts:
//
//   version, pid           of the daemon
//   started, time          "2026-11-23T12:00:00Z"; the second is now
//   config                 the file
//   rules, keys            how many are in force
//   reload                 the last load: "TIME ok" or "TIME failed"
//   connections, messages  open ones; messages from MAIL to their end
//   in_flight              "OCTETS of LIMIT"
//   crypto_slots           "USED of LIMIT"
//   crypto_waiting         messages that wait for a slot, or for memory to work in
//   answered               "COUNT in MICROSECONDS": all messages, and what they took together
//   processed              "COUNT action=A status=S", a line for each kind of ending
//   error                  "COUNT STAGE", a line for each stage where something went wrong
//   rule                   "COUNT NAME", a line for each rule, the first thousand
//   expiry                 "TIME KIND NAME", the certificates that end first, five at most
//
// Lines may be added.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "main/loader.h"
#include "main/metrics.h"
#include "milter/runtime.h"

namespace daemon_main
{

[[nodiscard]] std::string status_text(const milter::Runtime& runtime, const Loader& loader,
                                      CertificateEnds& certificates, base::Time started, base::Time now);
[[nodiscard]] std::string reload_text(const Loader::Result& result);

}  // namespace daemon_main
