// Load for a milter, and what it costs the milter:
//
//   load [OPTIONS] SOCKET MESSAGE...
//
// SOCKET is the path of a unix socket, MESSAGE a file in wire form (CRLF); with
// several they take turns.  One SMTP session a message, as Postfix does it: what
// is written is cut into blocks of 4096 octets, macros go before each step.
// Prints one JSON object.
// `load --help` knows the options.
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// GCC 12 sees null pointers where vectors of these grow.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#pragma GCC diagnostic pop

namespace
{

using Steady = std::chrono::steady_clock;

constexpr std::size_t block = 4096, chunk = 65535;
constexpr unsigned long all_protocol = 0x1fffff, all_actions = 0x1ff;

struct Options {
    long messages = 100, warmup = 0, idle = 0;
    double seconds = 0;
    unsigned connections = 1;
    std::string login, expect, socket;
    std::vector<std::string> to{"bob@example.org"}, files;
    pid_t pid = 0;
};

// --- messages, taken apart once ---

struct Message {
    std::vector<std::pair<std::string, std::string>> fields;  // folded with LF
    std::string body, from;
};

Message read_message(const std::string& file)
{
    std::ostringstream octets;
    octets << std::ifstream(file, std::ios::binary).rdbuf();
    const std::string text = std::move(octets).str();
    const auto end = text.find("\r\n\r\n");
    if (end == std::string::npos) throw std::runtime_error(file + ": no message with CRLF in it");
    Message out;
    out.body = text.substr(end + 4);
    for (std::size_t at = 0; at <= end;) {
        std::size_t next = text.find("\r\n", at);
        while (next < end && (text[next + 2] == ' ' || text[next + 2] == '\t'))
            next = text.find("\r\n", next + 2);
        const std::string field = text.substr(at, next - at);
        const auto colon = field.find(':');
        std::string value;
        for (const char c : field.substr(colon + 1))
            if (c != '\r') value += c;
        out.fields.emplace_back(field.substr(0, colon), value);
        at = next + 2;
    }
    for (const auto& [name, value] : out.fields) {
        if (name != "From") continue;
        const auto less = value.find('<');
        out.from = less == std::string::npos ? value.substr(value.find_first_not_of(' '))
                                             : value.substr(less + 1, value.find('>') - less - 1);
    }
    return out;
}

// --- one connection to the milter ---

struct Answer {
    char final = 0;
    bool edited = false, replaced = false;

    [[nodiscard]] const char* name() const
    {
        switch (final) {
            case SMFIR_CONTINUE:
            case SMFIR_ACCEPT: return replaced ? "replace" : edited ? "edit" : "accept";
            case SMFIR_REJECT: return "reject";
            case SMFIR_TEMPFAIL: return "tempfail";
            default: return "other";
        }
    }
};

class Connection
{
public:
    explicit Connection(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (socket_ < 0 || path.size() >= sizeof address.sun_path) throw std::runtime_error("socket");
        path.copy(address.sun_path, path.size());
        if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("connect " + path + ": " + std::strerror(errno));
        const timeval patience{300, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        negotiate();
    }
    ~Connection() { close(socket_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void greet()
    {
        macros(SMFIC_CONNECT, {{"j", "mx.example.org"}, {"{daemon_name}", "smtpd"}});
        step(SMFIC_CONNECT,
             std::string("client.example.net\0004\x30\x39", 22) + std::string("192.0.2.1\0", 10),
             SMFIP_NOCONNECT, SMFIP_NR_CONN);
        if ((protocol_ & SMFIP_NOHELO) == 0)
            step(SMFIC_HELO, text({"client.example.net"}), SMFIP_NOHELO, SMFIP_NR_HELO);
    }

    // All of a message; `end` is when its last octet had been sent.
    Answer pass(const Message& m, const Options& options, Steady::time_point& end)
    {
        std::vector<std::pair<std::string, std::string>> who{{"i", "4bench"}};
        if (!options.login.empty())
            who.insert(who.end(), {{"{auth_type}", "PLAIN"}, {"{auth_authen}", options.login}});
        macros(SMFIC_MAIL, who);
        step(SMFIC_MAIL, text({"<" + m.from + ">"}), SMFIP_NOMAIL, SMFIP_NR_MAIL);
        for (const auto& to : options.to) {
            macros(SMFIC_RCPT, {});
            step(SMFIC_RCPT, text({"<" + to + ">"}), SMFIP_NORCPT, SMFIP_NR_RCPT);
        }
        step(SMFIC_DATA, {}, SMFIP_NODATA, SMFIP_NR_DATA);
        for (const auto& [name, value] : m.fields) {
            macros(SMFIC_HEADER, {});
            const bool blank = (protocol_ & SMFIP_HDR_LEADSPC) == 0 && value.starts_with(' ');
            step(SMFIC_HEADER, text({name, blank ? value.substr(1) : value}), SMFIP_NOHDRS, SMFIP_NR_HDR);
        }
        macros(SMFIC_EOH, {{"i", "4bench"}});
        if (step(SMFIC_EOH, {}, SMFIP_NOEOH, SMFIP_NR_EOH)) return finish(end);
        for (std::string_view rest = m.body; !rest.empty();) {
            const auto piece = rest.substr(0, chunk);
            macros(SMFIC_BODY, {});
            if (step(SMFIC_BODY, piece, SMFIP_NOBODY, SMFIP_NR_BODY)) return finish(end);
            rest.remove_prefix(piece.size());
        }
        macros(SMFIC_BODYEOB, {{"i", "4bench"}});
        put(SMFIC_BODYEOB, {});
        flush();
        end = Steady::now();
        answer_ = {};
        while (!read_answer()) continue;
        return answer_;
    }

    void quit()
    {
        put(SMFIC_QUIT, {});
        flush();
    }

private:
    void negotiate()
    {
        put(SMFIC_OPTNEG, number(6) + number(all_actions) + number(all_protocol));
        flush();
        const std::string reply = frame();
        if (reply.size() < 13 || reply[0] != SMFIC_OPTNEG)
            throw std::runtime_error("no answer to the negotiation");
        for (int i = 9; i < 13; ++i)
            protocol_ = protocol_ << 8 | static_cast<unsigned char>(reply[static_cast<std::size_t>(i)]);
    }

    // True: the message is decided.
    bool step(char command, std::string_view data, unsigned long left_out, unsigned long silent)
    {
        if ((protocol_ & left_out) != 0) return false;
        put(command, data);
        if ((protocol_ & silent) != 0) return false;
        flush();
        answer_ = {};
        while (!read_answer()) continue;
        return answer_.final != SMFIR_CONTINUE;
    }

    Answer finish(Steady::time_point& end)
    {
        end = Steady::now();
        return answer_;
    }

    bool read_answer()
    {
        const std::string got = frame();
        switch (got.empty() ? '\0' : got[0]) {
            case SMFIR_PROGRESS: return false;
            case SMFIR_REPLBODY: answer_.replaced = true; return false;
            case SMFIR_ADDHEADER:
            case SMFIR_INSHEADER:
            case SMFIR_CHGHEADER:
            case SMFIR_CHGFROM:
            case SMFIR_ADDRCPT:
            case SMFIR_DELRCPT:
            case SMFIR_QUARANTINE: answer_.edited = true; return false;
            case SMFIR_REPLYCODE:
                answer_.final = got.size() > 1 && got[1] == '5' ? SMFIR_REJECT : SMFIR_TEMPFAIL;
                return true;
            case '\0': throw std::runtime_error("an empty frame");
            default: answer_.final = got[0]; return true;
        }
    }

    void macros(char command, const std::vector<std::pair<std::string, std::string>>& all)
    {
        std::string data(1, command);
        for (const auto& [name, value] : all) data += text({name, value});
        put(SMFIC_MACRO, data);
    }

    static std::string text(std::initializer_list<std::string> strings)
    {
        std::string out;
        for (const auto& s : strings) out.append(s).push_back('\0');
        return out;
    }

    static std::string number(unsigned long value)
    {
        std::string out;
        for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
        return out;
    }

    void put(char command, std::string_view data)
    {
        out_ += number(data.size() + 1);
        out_ += command;
        out_ += data;
        std::size_t at = 0;
        for (; out_.size() - at >= block; at += block) write_all(std::string_view(out_).substr(at, block));
        out_.erase(0, at);
    }
    void flush()
    {
        write_all(out_);
        out_.clear();
    }
    void write_all(std::string_view octets) const
    {
        while (!octets.empty()) {
            const ssize_t n = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
            if (n <= 0) throw std::runtime_error(std::string("the milter is gone: ") + std::strerror(errno));
            octets.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    std::string frame()
    {
        need(4);
        std::size_t size = 0;
        for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(in_[at_ + i]);
        at_ += 4;
        need(size);
        // The octets of a new body are of no interest, and there are many.
        std::string out = in_.substr(at_, size > 0 && in_[at_] == SMFIR_REPLBODY ? 1 : size);
        at_ += size;
        return out;
    }
    void need(std::size_t octets)
    {
        if (in_.size() - at_ >= octets) return;
        in_.erase(0, at_);
        at_ = 0;
        while (in_.size() < octets) {
            const std::size_t had = in_.size();
            in_.resize(std::max(octets, had + chunk));
            const ssize_t n = recv(socket_, in_.data() + had, in_.size() - had, 0);
            in_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
            if (n <= 0) throw std::runtime_error("no answer from the milter");
        }
    }

    int socket_;
    unsigned long protocol_ = 0;
    std::string out_, in_;
    std::size_t at_ = 0;
    Answer answer_;
};

// --- the milter, from outside ---

class Process
{
public:
    explicit Process(pid_t pid) : pid_(pid)
    {
        if (pid_ != 0 && clock_getcpuclockid(pid_, &clock_) != 0) throw std::runtime_error("no such process");
    }
    [[nodiscard]] double processor_seconds() const
    {
        timespec t{};
        if (pid_ != 0) clock_gettime(clock_, &t);
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
    }
    [[nodiscard]] long status(const std::string& name) const
    {
        std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
        for (std::string line; std::getline(in, line);)
            if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
        return 0;
    }
    void forget_peak() const { std::ofstream("/proc/" + std::to_string(pid_) + "/clear_refs") << "5"; }

private:
    pid_t pid_;
    clockid_t clock_ = 0;
};

struct Measured {
    std::mutex mutex;
    std::map<std::string, long> outcomes;
    std::vector<double> answers, messages;  // milliseconds
    std::map<std::string, long> errors;
};

double quantile(std::vector<double> all, double q)
{
    if (all.empty()) return 0;
    std::sort(all.begin(), all.end());
    return all[std::min(all.size() - 1, static_cast<std::size_t>(q * static_cast<double>(all.size())))];
}

double milliseconds(Steady::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

void one(const Message& message, const Options& options, Measured& into)
{
    try {
        const auto begin = Steady::now();
        Connection connection(options.socket);
        connection.greet();
        Steady::time_point end;
        const Answer answer = connection.pass(message, options, end);
        const auto answered = Steady::now();
        connection.quit();
        const std::lock_guard lock(into.mutex);
        ++into.outcomes[answer.name()];
        into.answers.push_back(milliseconds(answered - end));
        into.messages.push_back(milliseconds(answered - begin));
    } catch (const std::exception& e) {
        const std::lock_guard lock(into.mutex);
        ++into.errors[e.what()];
    }
}

void run(const std::vector<Message>& messages, const Options& options, long count, double seconds,
         Measured& into)
{
    std::atomic<long> next = 0;
    const auto until =
        Steady::now() + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options.connections; ++i)
        threads.emplace_back([&] {
            while (true) {
                const long n = next++;
                if (seconds > 0 ? Steady::now() >= until : n >= count) return;
                one(messages[static_cast<std::size_t>(n) % messages.size()], options, into);
            }
        });
    for (auto& t : threads) t.join();
}

void declare(CLI::App& app, Options& o)
{
    app.add_option("--messages", o.messages, "in all")->capture_default_str();
    app.add_option("--seconds", o.seconds, "for so long, instead of a number of messages");
    app.add_option("--connections", o.connections, "side by side")->capture_default_str();
    app.add_option("--warmup", o.warmup, "messages before those, not counted");
    app.add_option("--idle", o.idle, "sessions that are open meanwhile and say nothing");
    app.add_option("--login", o.login, "as who has logged in");
    app.add_option("--to", o.to, "recipients, one after each --to")
        ->allow_extra_args(false)
        ->capture_default_str();
    app.add_option("--expect", o.expect, "what else than this is an error")
        ->check(CLI::IsMember({"accept", "edit", "replace", "reject", "tempfail"}));
    app.add_option("--pid", o.pid, "of the milter, to be measured: processor time, memory, threads");
    app.add_option("SOCKET", o.socket, "the path of a unix socket")->required();
    app.add_option("MESSAGE", o.files, "files in wire form (CRLF); several take turns")->required();
}

int measure(const Options& options)
{
    std::vector<Message> messages;
    for (const auto& file : options.files) messages.push_back(read_message(file));
    const Process process(options.pid);
    Measured ignored, measured;
    run(messages, options, options.warmup, 0, ignored);

    const long before_idle = process.status("VmRSS");
    std::vector<std::unique_ptr<Connection>> idle;
    for (long i = 0; i < options.idle; ++i) {
        idle.push_back(std::make_unique<Connection>(options.socket));
        idle.back()->greet();
    }
    if (options.idle > 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    process.forget_peak();
    const long start = process.status("VmRSS");
    const double processor = process.processor_seconds();
    const auto begin = Steady::now();
    std::atomic<bool> done = false;
    long threads = 0;
    std::thread watcher([&] {
        while (!done) {
            threads = std::max(threads, process.status("Threads"));
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    });
    run(messages, options, options.messages, options.seconds, measured);
    const double took = milliseconds(Steady::now() - begin) / 1e3;
    done = true;
    watcher.join();
    const double used = process.processor_seconds() - processor;
    const long peak = process.status("VmHWM");

    const auto count = static_cast<double>(std::max<std::size_t>(1, measured.messages.size()));
    bool good = ignored.errors.empty() && measured.errors.empty();
    for (const auto& [name, n] : measured.outcomes)
        good = good && (options.expect.empty() || name == options.expect);
    auto errors = nlohmann::ordered_json::array();
    for (const auto* all : {&ignored.errors, &measured.errors})
        for (const auto& [what, n] : *all) errors.push_back(what + " (" + std::to_string(n) + ")");
    const nlohmann::ordered_json result{
        {"messages", measured.messages.size()},
        {"seconds", took},
        {"messages_per_s", static_cast<double>(measured.messages.size()) / took},
        {"cpu_ms", used * 1e3 / count},
        {"answer_ms_p50", quantile(measured.answers, 0.5)},
        {"answer_ms_p99", quantile(measured.answers, 0.99)},
        {"message_ms_p50", quantile(measured.messages, 0.5)},
        {"message_ms_p99", quantile(measured.messages, 0.99)},
        {"rss_start_kb", start},
        {"rss_peak_kb", peak},
        {"rss_end_kb", process.status("VmRSS")},
        {"idle_kb", options.idle > 0
                        ? static_cast<double>(start - before_idle) / static_cast<double>(options.idle)
                        : 0.0},
        {"threads", threads},
        {"outcomes", measured.outcomes},
        {"errors", std::move(errors)}};
    std::cout << result.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        CLI::App app("Sends messages to a milter, one SMTP session each, and prints what it cost as JSON.");
        Options options;
        declare(app, options);
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& e) {
            return app.exit(e) == 0 ? 0 : 64;
        }
        return measure(options);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "load: %s\n", e.what());
        return 1;
    }
}
