// Golden cases: tests/golden/<case>/{case.conf,in.eml,expect.txt,out.eml}.
//
// case.conf is a configuration of the daemon with one more section in front:
//
//   [case]
//   at = 2026-11-23T12:00:00Z    the clock; seed = 1 feeds the boundaries
//   client = 192.0.2.1           and login, mail_from, recipient (repeatable),
//                                listener, mta_name, queue_id: the envelope
//
// [keys] and [trust] are added when the case has none: the keys of
// tests/golden/pki with "golden" as their password, its root as the anchor.
// expect.txt holds the reply and every edit, out.eml the message afterwards.
// With GOLDEN_UPDATE=1 in the environment both are written instead of compared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/message.h"
#include "gateway/outcome.h"
#include "gateway/snapshot.h"

namespace golden
{

struct Case {
    std::string name;
    std::string directory;
    base::Time at{};
    std::uint64_t seed = 1;
    gateway::Envelope envelope;
    std::string configuration;  // the daemon's sections
};

[[nodiscard]] std::vector<std::string> case_names(const std::string& golden_directory);
// Aborts with a message on a mistake in case.conf: a case that cannot be read is no test.
[[nodiscard]] Case load_case(const std::string& golden_directory, const std::string& name);

// Keys, anchors and smime-milter.conf of a case in a directory of its own,
// with the modes the daemon asks for; removed with the object.
class Workspace
{
public:
    Workspace(const Case& c, const std::string& golden_directory);
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    [[nodiscard]] std::string configuration() const { return directory_ + "/smime-milter.conf"; }
    [[nodiscard]] const std::string& directory() const { return directory_; }

private:
    std::string directory_;
};

[[nodiscard]] std::string read(const std::string& path);
[[nodiscard]] std::string describe(const gateway::Message& message, const gateway::Outcome& outcome);

}  // namespace golden
