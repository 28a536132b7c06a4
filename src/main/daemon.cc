// smime-milter(8): the order in which the daemon comes up and goes down.
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/carry_on.h"
#include "base/file.h"
#include "cms/library.h"
#include "config.h"
#include "main/control_socket.h"
#include "main/loader.h"
#include "main/metrics.h"
#include "main/metrics_service.h"
#include "main/notify.h"
#include "main/options.h"
#include "main/place.h"
#include "main/privileges.h"
#include "main/signals.h"
#include "main/status.h"
#include "main/watchdog.h"
#include "milter/preflight.h"
#include "milter/service.h"
#include "store/environment.h"

namespace daemon_main
{
namespace
{

constexpr const char* program = "smime-milter";

std::unique_ptr<base::Log> open_log(const Options& options)
{
    if (!options.to_stderr) return std::make_unique<base::SyslogLog>(program);
    // libmilter knows syslog only; what it says is then seen on stderr as well.
    openlog(program, LOG_PID | LOG_PERROR, LOG_MAIL);
    return std::make_unique<base::StderrLog>(program);
}

void complain(const std::string& text) { std::fprintf(stderr, "%s: %s\n", program, text.c_str()); }

int check_configuration(const Options& options)
{
    const auto checked = milter::check_as_daemon(options.file, base::SystemClock().now());
    bool right = checked.snapshot != nullptr;
    for (const auto* problems : {&checked.problems, &checked.obstacles})
        for (const auto& problem : *problems) {
            complain(problem.text());
            if (problem.severity == base::Severity::error) right = false;
        }
    return right ? EXIT_SUCCESS : static_cast<int>(base::Code::configuration);
}

// One run of the daemon.  Nothing in here is destroyed while libmilter's
// threads may still use it: it lives until the process ends.
class Daemon
{
public:
    explicit Daemon(const Options& options)
        : options_(options), log_(open_log(options)), loader_(options.file, options.verbose, log_, clock_)
    {
    }

    // An exit status of sysexits(3).
    int run()
    {
        umask(0077);
        if (auto ready = come_up(); !ready) {
            if (!options_.to_stderr) complain(ready.error().text());
            log_.write(base::Level::error, ready.error().text());
            control_.close();
            if (service_) service_->withdraw();
            return static_cast<int>(ready.error().code);
        }
        const bool asked = watch();
        return go_down(asked);
    }

    [[nodiscard]] bool quiet() const { return quiet_; }

private:
    base::Result<> come_up();
    base::Result<> enter_account(const policy::Config& config);
    base::Result<std::shared_ptr<const gateway::Snapshot>> become_and_load(const policy::Config& config);
    base::Result<> take_socket();
    void watch_workers();
    void advise() const;
    [[nodiscard]] std::string summary() const;
    [[nodiscard]] std::string serving() const;
    void stop_answering();
    [[nodiscard]] std::string user_name() const { return account_ ? account_->name : base::current_user(); }
    bool watch();
    int tell_of_expiry();
    void reload();
    int go_down(bool asked);
    std::string answer(std::string_view request);
    Loader::Result load_anew();
    std::string metrics();

    Options options_;
    Signals signals_;
    base::FilterLog log_;
    base::SystemClock clock_;
    base::SystemRandom random_;
    Loader loader_;
    base::Time started_ = clock_.now();
    base::Time told_of_expiry_ = started_;  // loading has told of what ends soon
    std::optional<base::Account> account_;  // to become, when started as root
    std::optional<Place> place_;
    std::optional<InstanceLock> lock_;
    std::optional<milter::Endpoint> endpoint_;
    std::optional<milter::Service> service_;
    std::optional<milter::Runtime> runtime_;
    ControlSocket control_{log_};
    MetricsService metrics_{log_};
    CertificateEnds certificate_ends_;
    Watchdog watchdog_;
    std::string control_path_;                            // "": without a control socket
    int ended_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);  // libmilter's listener has ended
    bool quiet_ = true;                                   // no thread is at work
};

// Root only reads the configuration, and binds an internet socket whose port may
// be a privileged one.  All the rest, keys above all, is read by the user that
// will read it again at each reload.
base::Result<> Daemon::come_up()
{
    if (signals_.descriptor() < 0 || ended_ < 0)
        return base::fail(base::Code::temporary, "", "no descriptors to be had",
                          "raise the limit of open files");
    // Read before the first line is written, which has to have the form that it asks for.
    std::vector<base::Problem> problems;
    const auto config = policy::load_config(options_.file, problems);
    if (config) log_.format(config->log_format);
    log_.write(base::Level::notice, PACKAGE_NAME " " PACKAGE_VERSION " starting, " + cms::library_version() +
                                        ", libmilter " + milter::library_version());
    if (!config) {
        // There is nothing to mend in a file that is not there: that is all to say.
        if (problems.size() == 1 && problems.front().error.where == options_.file)
            return base::fail(problems.front().error);
        for (const auto& problem : problems) {
            if (!options_.to_stderr) complain(problem.text());
            log_.write(base::Level::error, problem.text());
        }
        return base::fail(base::Code::configuration, options_.file, "the configuration has mistakes",
                          "mend them and run: smime-milter -n -c " + options_.file);
    }
    auto endpoint = milter::Endpoint::parse(config->socket);
    if (!endpoint) return base::fail(endpoint.error());
    endpoint_ = *endpoint;
    if (auto known = enter_account(*config); !known) return known;
    place_.emplace(*endpoint_, account_);
    control_path_ = place_->control_socket(*config, log_);

    if (!endpoint_->local())
        if (auto bound = take_socket(); !bound) return bound;
    const auto snapshot = become_and_load(*config);
    if (!snapshot) return base::fail(snapshot.error());
    if (endpoint_->local())
        if (auto bound = take_socket(); !bound) return bound;
    if (!control_path_.empty())
        if (auto bound = control_.open(control_path_, user_name()); !bound) return bound;
    if (auto bound = metrics_.open((*snapshot)->config, user_name()); !bound)
        log_.write(base::Level::error, bound.error().text() + "; nobody can ask for metrics");

    runtime_.emplace(log_, clock_, random_, *snapshot);
    loader_.remember_hand_overs(*runtime_);
    service_->start(*runtime_, [this] {
        const std::uint64_t one = 1;
        if (write(ended_, &one, sizeof one) < 0) return;  // cannot happen: the counter is not full
    });
    if (!libmilter_leaves_signals_alone(std::chrono::seconds(5)))
        log_.write(base::Level::warning,
                   "libmilter may take SIGHUP for a request to stop; reload with SIGUSR1 or smimectl reload");
    advise();
    if (auto started = control_.start([this](std::string_view request) { return answer(request); }); !started)
        log_.write(base::Level::error, started.error().text() + "; smimectl cannot ask the daemon");
    // Mail does not wait for figures about it.
    if (auto started =
            metrics_.start(runtime_->snapshot()->config,
                           {[this] { return metrics(); }, [this] { return runtime_->draining(); }});
        !started)
        log_.write(base::Level::error, started.error().text() + "; nobody can ask for metrics");
    watch_workers();
    notify_manager("READY=1\n" + summary());
    return {};
}

void Daemon::watch_workers()
{
    watchdog_.start(
        [this] {
            const auto callbacks = milter::Service::work();
            const auto slots = runtime_->admission.usage();
            return std::vector<Activity>{{callbacks.computing, callbacks.finished},
                                         {slots.slots, slots.slots_given_back}};
        },
        [this](bool stuck) {
            if (stuck)
                log_.write(base::Level::error,
                           "no message has made progress for as long as the watchdog waits");
            else
                log_.write(base::Level::notice, "messages make progress again");
        });
}

// "serving unix:/path, 2 rules, 1 key"
std::string Daemon::serving() const
{
    const auto snapshot = runtime_->snapshot();
    return "serving " + endpoint_->spelling + ", " + counted(snapshot->config.rules.size(), "rule") + ", " +
           counted(snapshot->keys.all().size(), "key");
}

// For `systemctl status`.
std::string Daemon::summary() const { return "STATUS=" + serving(); }

base::Result<> Daemon::enter_account(const policy::Config& config)
{
    if (geteuid() != 0) return {};
    auto account =
        base::find_account(config.user.empty() ? base::default_user : config.user, "[milter] user");
    if (!account) return base::fail(account.error());
    account_ = *account;
    return {};
}

base::Result<std::shared_ptr<const gateway::Snapshot>> Daemon::become_and_load(const policy::Config& config)
{
    if (account_)
        if (auto done = base::become(*account_); !done) return base::fail(done.error());
    protect_memory();
    protect_keys(config, log_);
    if (auto snapshot = loader_.load()) return snapshot;
    return base::fail(base::Code::configuration, options_.file, "the configuration could not be loaded",
                      "see the messages before this one in the log");
}

base::Result<> Daemon::take_socket()
{
    if (auto there = place_->has_directory(); !there) return there;
    auto alone = place_->lock(control_path_);
    if (!alone) return base::fail(alone.error());
    if (*alone) lock_.emplace(std::move(**alone));
    service_.emplace(*endpoint_);
    return service_->open();
}

void Daemon::advise() const
{
    auto& log = runtime_->log;
    if (!cms::library_is_current())
        log.write(base::Level::warning,
                  cms::library_version() +
                      " is older than 3.0.22 and has known holes in CMS; run: apt-get upgrade");
    if (!endpoint_->local())
        log.write(base::Level::warning,
                  "every local user and every host that reaches " + endpoint_->spelling +
                      " can have mail signed, and decrypted where rules decrypt; a unix: socket keeps them "
                      "out, or a network of its own and a packet filter");
    log.write(base::Level::notice, serving());
    log.write(
        base::Level::notice,
        "set milter_default_action = tempfail in main.cf (F=T in sendmail.mc): with \"accept\" Postfix can "
        "lose a message when a milter dies while it replaces the body");
}

// What came due since it last looked; how many milliseconds until it has to look again.
int Daemon::tell_of_expiry()
{
    constexpr auto longest = std::chrono::hours(1);  // the clock may be set
    const auto now = clock_.now();
    const auto notices =
        store::expiry_notices(gateway::own_certificates(*runtime_->snapshot()), told_of_expiry_, now);
    told_of_expiry_ = std::max(now, told_of_expiry_);
    loader_.tell(notices.due);
    const auto pause = notices.next ? std::min<std::chrono::milliseconds>(*notices.next - now, longest)
                                    : std::chrono::milliseconds(longest);
    return static_cast<int>(std::max(pause, std::chrono::milliseconds(1000)).count());
}

// The main thread is the control thread.  True: it was asked to stop.
bool Daemon::watch()
{
    for (;;) {
        pollfd waiting[] = {{signals_.descriptor(), POLLIN, 0}, {ended_, POLLIN, 0}};
        int patience = 1000;
        base::carry_on(log_, "looking for certificates that end", [&] { patience = tell_of_expiry(); });
        poll(waiting, 2, patience);
        if (waiting[1].revents != 0) return false;
        while (const auto number = signals_.next()) {
            if (*number == SIGTERM || *number == SIGINT) return true;
            reload();
        }
    }
}

void Daemon::reload()
{
    const bool done = base::carry_on(log_, "reload", [&] {
        notify_reloading();
        load_anew();
    });
    notify_manager(done ? "READY=1" : "READY=1\nSTATUS=the last reload failed; see the log");
}

void Daemon::stop_answering()
{
    control_.close();
    metrics_.stop();
    watchdog_.stop();
}

int Daemon::go_down(bool asked)
{
    if (!asked) {
        log_.write(base::Level::error, "libmilter has ended by itself; what it said is in the system log");
        stop_answering();
        quiet_ = false;
        return static_cast<int>(base::Code::unavailable);
    }
    const auto patience = std::chrono::seconds(runtime_->snapshot()->config.drain_seconds);
    // A stop that takes its time is no reason to be killed: TimeoutStopSec= may be shorter.
    const auto enough = std::chrono::microseconds(patience + std::chrono::seconds(10));
    base::carry_on(log_, "stopping", [&] {
        notify_manager("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(enough.count()));
        log_.write(base::Level::notice,
                   "stopping, " + std::to_string(runtime_->receiving) + " messages in flight");
    });
    const auto hurry = [this] {
        const auto number = signals_.next();
        return number == SIGTERM || number == SIGINT;
    };
    const auto cut_off = service_->drain(*runtime_, patience, hurry);
    if (cut_off > 0)
        log_.write(base::Level::warning,
                   counted(static_cast<std::size_t>(cut_off), "message") +
                       (cut_off == 1 ? " was cut off; its sender" : " were cut off; their senders") +
                       " will try again");
    stop_answering();
    quiet_ = cut_off == 0;
    // Their threads use OpenSSL, which is cleaned up at exit.
    runtime_->revocation.stop();
    runtime_->harvester.stop();
    runtime_->sources.stop();
    log_.write(base::Level::notice, "stopped");
    return EXIT_SUCCESS;
}

// Asked for by a signal or over the control socket, which are different threads.
Loader::Result Daemon::load_anew()
{
    auto result = loader_.reload(*runtime_);
    if (auto followed = metrics_.follow(runtime_->snapshot()->config); !followed)
        log_.write(base::Level::error, followed.error().text() + "; no metrics are written");
    notify_manager(summary() +
                   (result.loaded ? "" : "; the new configuration has mistakes, this one is from before"));
    return result;
}

std::string Daemon::metrics()
{
    const auto history = loader_.history();
    return metrics_text(*runtime_, certificate_ends_,
                        {started_, clock_.now(), history.succeeded, history.last_success,
                         cms::library_version(), milter::library_version()});
}

std::string Daemon::answer(std::string_view request)
{
    if (request == "ping") return "ok: pong\n";
    if (request == "status")
        return status_text(*runtime_, loader_, certificate_ends_, started_, clock_.now());
    if (request == "reload") return reload_text(load_anew());
    constexpr std::string_view recent = "recent ";
    if (request.starts_with(recent)) {
        const auto line = runtime_->recent.find(std::string(request.substr(recent.size())));
        return line ? "ok: " + *line + "\n" : "error: not seen\n";
    }
    return "error: unknown request\n";
}

int run(int argc, char** argv)
{
    const auto options = parse_options(argc, argv);
    if (!options) {
        complain(options.error().text());
        return static_cast<int>(options.error().code);
    }
    if (options->help || options->version) {
        std::fputs((options->help ? help_text() : version_text()).c_str(), stdout);
        return EXIT_SUCCESS;
    }
    if (options->check) return check_configuration(*options);

    // Never deleted: see Daemon.
    static auto* const daemon = new Daemon(*options);
    const int status = daemon->run();
    // A worker that is still at work must not find OpenSSL or a static gone.
    if (!daemon->quiet()) _exit(status);
    return status;
}

}  // namespace
}  // namespace daemon_main

int main(int argc, char** argv)
{
    try {
        // Before OpenSSL has any memory at all.
        if (!cms::look_after_memory()) std::fputs("smime-milter: OpenSSL was in use before main()\n", stderr);
        cms::keep_library_until_the_end();
        store::ignore_environment_of_libraries();
        return daemon_main::run(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "smime-milter: internal error: %s\n", e.what());
    }
    // As run() does: there may be threads at work.
    _exit(static_cast<int>(base::Code::internal));
}
