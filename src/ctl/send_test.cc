// send-test: a real message through a real MTA, and what became of it.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <string_view>
#include <thread>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "config.h"
#include "ctl/command.h"
#include "ctl/control.h"
#include "ctl/output.h"
#include "gateway/message.h"
#include "gateway/verify.h"
#include "mime/address.h"
#include "policy/config.h"
#include "store/key_store.h"
#include "store/smtp.h"
#include "store/trust_store.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t largest = 16U << 20;
constexpr auto daemon_patience = std::chrono::seconds(5);

struct SendOptions {
    std::string from, to;
    std::optional<std::string> smtp, user, password_file, mailbox, wait;
};

std::string crlf(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\n') out += '\r';
        out += c;
    }
    return out;
}

std::string test_message(const SendOptions& options, const std::string& id, base::Time now)
{
    const std::time_t seconds = static_cast<std::time_t>(now.time_since_epoch().count());
    std::tm broken{};
    ::gmtime_r(&seconds, &broken);
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::string date = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", days[broken.tm_wday],
                                         broken.tm_mday, months[broken.tm_mon], broken.tm_year + 1900,
                                         broken.tm_hour, broken.tm_min, broken.tm_sec);
    return crlf(
        fmt::format("From: {}\nTo: {}\nSubject: Test of smime-milter\nDate: {}\nMessage-ID: {}\n"
                    "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                    "Content-Transfer-Encoding: 8bit\n\n"
                    "A message of smimectl send-test. Some characters of more than seven bits:\n"
                    "Grüße, naïve façade, 你好.\n",
                    options.from, options.to, date, id));
}

base::Result<store::SmtpRequest> request_of(const SendOptions& options)
{
    store::SmtpRequest out;
    for (const auto* address : {&options.from, &options.to}) {
        mime::Mailbox mailbox;
        if (!mime::parse_address(*address, mailbox))
            return base::fail(Code::usage, address == &options.from ? "--from" : "--to",
                              "\"" + *address + "\" is not an address", "write alice@example.org");
    }
    out.from = options.from;
    out.to = options.to;
    out.server = options.smtp.value_or("127.0.0.1:25");
    if (out.server.find_first_of("/@ ?#") != std::string::npos || out.server.empty())
        return base::fail(Code::usage, "--smtp", "\"" + out.server + "\" is not HOST:PORT",
                          "write 127.0.0.1:587");
    if (options.user.has_value() != options.password_file.has_value())
        return base::fail(Code::usage, options.user ? "--user" : "--password-file",
                          "says only half of a login", "give both --user NAME and --password-file FILE");
    if (options.user) {
        auto password = store::read_password({"file:" + *options.password_file});
        if (!password) return base::fail(password.error());
        out.user = *options.user;
        out.password = std::move(*password);
    }
    return out;
}

// What the daemon has logged about it, "" when it cannot tell.
std::string daemons_word(const Global& global, const policy::Config& config, const std::string& id,
                         bool accepted)
{
    std::string path = config.control_socket;
    if (path.starts_with("unix:")) path.erase(0, 5);
    const auto until = std::chrono::steady_clock::now() + daemon_patience;
    while (true) {
        const auto answer = ask_daemon(path, "recent " + id + "\n");
        if (!answer) return "the daemon was not asked: " + answer.error().text();
        if (answer->starts_with("ok: ")) return answer->substr(4, answer->size() - 5);
        if (!accepted) return "has not seen it: it was refused before its turn";
        if (std::chrono::steady_clock::now() > until)
            return "the daemon (" + global.config +
                   ") has not seen it: the MTA did not call it; smimectl doctor tells more";
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

bool holds(const std::string& octets, const std::string& id) { return octets.find(id) != std::string::npos; }

// The message with that Message-ID in a Maildir, a directory of messages or an mbox.
std::optional<std::string> delivered(const std::string& mailbox, const std::string& id)
{
    if (base::is_directory(mailbox)) {
        for (const std::string& directory : {mailbox + "/new", mailbox + "/cur", mailbox}) {
            if (!base::is_directory(directory)) continue;
            const auto names = base::list_directory(directory);
            if (!names) continue;
            for (auto name = names->rbegin(); name != names->rend(); ++name) {
                auto octets = base::read_file(directory + "/" + *name, largest);
                if (octets && holds(*octets, id)) return std::move(*octets);
            }
        }
        return std::nullopt;
    }
    const auto octets = base::read_file(mailbox, 64 * largest);
    if (!octets || !holds(*octets, id)) return std::nullopt;
    const auto at = octets->find(id);
    const auto begin = octets->rfind("\nFrom ", at);
    const auto line = octets->find('\n', begin == std::string::npos ? 0 : begin + 1);
    const auto end = octets->find("\nFrom ", at);
    return octets->substr(line + 1, end == std::string::npos ? std::string::npos : end + 1 - line - 1);
}

std::string verdict_on(std::string octets, const policy::Config& config, base::Time now)
{
    const auto message = gateway::message_from_octets(gateway::with_wire_line_ends(std::move(octets)), {});
    if (!message) return "cannot be read: " + message.error().text();
    std::vector<base::Problem> problems;
    const auto trust = store::load_trust(config.trust, problems);
    gateway::VerifyRequest request;
    gateway::judge_as_configured(request, config.judging);
    request.trust = &trust;
    request.at = now;
    const auto verdict = gateway::verify_message(message->header(), message->body(), request);
    const std::string reason(verdict.reason());
    return std::string(cms::name(verdict.result())) + (reason.empty() ? "" : " (" + reason + ")");
}

base::Result<int> run_send(const SendOptions& options, const Global& global)
{
    auto request = request_of(options);
    if (!request) return base::fail(request.error());
    long patience = 30;
    if (options.wait) {
        const char* const end = options.wait->data() + options.wait->size();
        const auto parsed = std::from_chars(options.wait->data(), end, patience);
        if (parsed.ec != std::errc() || parsed.ptr != end || patience < 1 || patience > 3600)
            return base::fail(Code::usage, "--wait", "\"" + *options.wait + "\" is not a number of seconds",
                              "write a number from 1 to 3600");
    }
    std::vector<base::Problem> problems;
    const auto config = policy::load_config(global.config, problems);
    if (!config) {
        report(problems, false);
        return base::fail(Code::configuration, global.config, "cannot be used",
                          "mend it; see smimectl configtest");
    }
    const auto now = base::SystemClock().now();
    unsigned char noise[8] = {};
    base::SystemRandom().fill(noise);
    const std::string id = "<smimectl." + base::hex({reinterpret_cast<const char*>(noise), sizeof noise}) +
                           options.from.substr(options.from.rfind('@')) + ">";
    const std::string message = test_message(options, id, now);
    request->octets = message;
    // OpenSSL writes to a connection that is gone.
    signal(SIGPIPE, SIG_IGN);
    const auto reply = store::smtp_send(*request);
    if (!reply) {
        auto error = reply.error();
        if (error.remedy.empty())
            error.remedy = "name the MTA with --smtp HOST:PORT, and see whether it runs";
        return base::fail(std::move(error));
    }
    std::string text = "message   " + id + "\n";
    text += (reply->accepted ? "accepted  " : "refused   ") + display(reply->text) + "\n";
    text += "daemon    " + display(daemons_word(global, *config, id, reply->accepted)) + "\n";
    bool well = reply->accepted;
    if (options.mailbox && reply->accepted) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(patience);
        auto octets = delivered(*options.mailbox, id);
        while (!octets && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
            octets = delivered(*options.mailbox, id);
        }
        well = octets.has_value();
        text += octets ? "delivered " + std::to_string(octets->size()) + " octets, signature " +
                             verdict_on(std::move(*octets), *config, now) + "\n"
                       : "delivered not within " + std::to_string(patience) + " seconds into " +
                             *options.mailbox + "\n";
    }
    if (auto ok = write_out(text); !ok) return base::fail(ok.error());
    return well ? exit_yes : exit_no;
}

}  // namespace

Run send_test(Options& options, const Global& global)
{
    auto o = std::make_shared<SendOptions>();
    options.required("--from", o->from, "ADDRESS", "its author and sender");
    options.required("--to", o->to, "ADDRESS", "its recipient");
    options.value("--smtp", o->smtp, "HOST:PORT", "the MTA, default 127.0.0.1:25");
    options.value("--user", o->user, "NAME", "log in as NAME");
    options.value("--password-file", o->password_file, "FILE", "file with the password of the login");
    options.value("--mailbox", o->mailbox, "PATH", "wait for it in this Maildir or mbox and verify it");
    options.value("--wait", o->wait, "SECONDS", "how long to wait for it there, default 30");
    return [o, &global] { return run_send(*o, global); };
}

}  // namespace ctl
