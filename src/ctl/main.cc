// smimectl: the administrator's tool.  It runs the daemon's code on messages
// from files (smimectl(1)).
#include <sys/resource.h>

#include <exception>
#include <new>

#include "ctl/command.h"
#include "ctl/options.h"
#include "ctl/output.h"
#include "store/environment.h"

namespace
{

using ctl::Command;

constexpr Command cert[] = {
    {"check", "tell what the certificates in a file may be used for", ctl::cert_check},
    {"import", "check the certificates in a file and store them", ctl::cert_import},
    {"list", "list keys, correspondents, anchors", ctl::cert_list},
    {"show", "judge stored certificates again", ctl::cert_show},
    {"export", "write one as PEM, DER or PFX", ctl::cert_export},
    {"remove", "remove one, or keep a key for decrypting only", ctl::cert_remove},
    {"expiry", "list what expires soon: for cron", ctl::cert_expiry},
    {"pending", "list what mail has taught and nobody has approved", ctl::cert_pending},
    {"approve", "use a learned certificate", ctl::cert_approve},
    {"reject", "never use a learned certificate", ctl::cert_reject},
    {"backup", "copy the database of learned certificates", ctl::cert_backup},
};

constexpr Command test_ca[] = {
    {"init", "make a certification authority in a directory", ctl::test_ca_init},
    {"issue", "issue a certificate with its key as PFX", ctl::test_ca_issue},
};

constexpr Command setup[] = {
    {"postfix", "the lines for main.cf", ctl::setup_postfix},
    {"sendmail", "the line for sendmail.mc", ctl::setup_sendmail},
};

constexpr Command commands[] = {
    {"configtest", "load all that the daemon would, report every problem", ctl::configtest},
    {"config", "show settings: effective, set (-n) or defaults (-d)", ctl::config},
    {"explain", "tell which rule applies to a message, and why", ctl::explain},
    {"process", "run the whole policy on a message as the daemon would", ctl::process},
    {"sign", "sign a message", ctl::sign},
    {"verify", "judge the signatures of a message", ctl::verify},
    {"strip", "take the signature off a message", ctl::strip},
    {"encrypt", "encrypt a message for given certificates", ctl::encrypt},
    {"decrypt", "decrypt a message with a given key", ctl::decrypt},
    {"reencapsulate", "make a clear signature opaque, without a key", ctl::reencapsulate},
    {"inspect", "show the MIME tree and the CMS layers of a message", ctl::inspect},
    {"cert", "certificates: check, import, list, show, export, remove, expiry, pending and more", nullptr,
     cert},
    {"test-ca", "a certification authority for trying things out", nullptr, test_ca},
    {"setup", "the lines that hook the milter into the MTA", nullptr, setup},
    {"doctor", "tell whether the milter is hooked in and reachable", ctl::doctor},
    {"send-test", "send a message through the MTA, tell what became of it", ctl::send_test},
    {"status", "ask the running daemon how it is", ctl::status},
    {"reload", "make the running daemon read its configuration again", ctl::reload},
};

}  // namespace

int main(int argc, char** argv)
{
    try {
        // Keys, passphrases and plaintext stay out of core dumps.
        const rlimit none{0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        store::ignore_environment_of_libraries();
        const auto status = ctl::run_command_line(commands, argc, argv);
        if (status) return *status;
        ctl::remark(status.error().text());
        return static_cast<int>(status.error().code);
    } catch (const std::bad_alloc&) {
        ctl::remark("error: out of memory");
        return static_cast<int>(base::Code::temporary);
    } catch (const std::exception& e) {
        ctl::remark(std::string("error: this is a bug: ") + e.what());
        return static_cast<int>(base::Code::internal);
    }
}
