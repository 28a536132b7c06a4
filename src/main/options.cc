#include "main/options.h"

#include <getopt.h>

#include <string_view>

#include "cms/library.h"
#include "config.h"
#include "milter/service.h"
#include "policy/config.h"

namespace daemon_main
{

base::Result<Options> parse_options(int argc, char** argv)
{
    enum : int { log_option = 256, help_option, version_option };
    static const option long_options[] = {{"config", required_argument, nullptr, 'c'},
                                          {"log", required_argument, nullptr, log_option},
                                          {"help", no_argument, nullptr, help_option},
                                          {"version", no_argument, nullptr, version_option},
                                          {nullptr, 0, nullptr, 0}};
    const auto misuse = [](const std::string& what) {
        return base::fail(base::Code::usage, "", what, "see smime-milter --help");
    };
    Options options;
    options.file = policy::default_config_file;
    opterr = 0;
    for (;;) {
        const int before = optind;
        // Before any thread exists.
        const int c =
            getopt_long(argc, argv, ":c:hnv", long_options, nullptr);  // NOLINT(concurrency-mt-unsafe)
        if (c == -1) break;
        const std::string written = argv[before < argc ? before : argc - 1];
        switch (c) {
            case 'c': options.file = optarg; break;
            case 'n': options.check = true; break;
            case 'v': options.verbose = true; break;
            case log_option: {
                const std::string_view where = optarg;
                if (where != "stderr" && where != "syslog")
                    return misuse("--log=" + std::string(where) + ": stderr or syslog is wanted");
                options.to_stderr = where == "stderr";
                break;
            }
            case 'h':
            case help_option: options.help = true; break;
            case version_option: options.version = true; break;
            case ':': return misuse(written + " wants a value");
            default: return misuse("unknown option " + written);
        }
    }
    if (optind < argc) return misuse("unexpected argument " + std::string(argv[optind]));
    if (options.file.empty()) return misuse("-c wants the name of a file");
    return options;
}

std::string help_text()
{
    return std::string(
               "Usage: smime-milter [-c FILE] [-n] [-v] [--log=stderr|syslog]\n"
               "S/MIME gateway for Postfix and Sendmail: signs, encrypts, verifies, decrypts and strips\n"
               "mail as it passes.\n"
               "Runs in the foreground until SIGTERM; SIGHUP and SIGUSR1 reload the configuration.\n"
               "\n"
               "  -c, --config FILE\n"
               "                 the configuration (") +
           policy::default_config_file +
           ")\n"
           "  -n             check the configuration and exit: 0 when it is right, 78 when not\n"
           "  -v             log everything\n"
           "  --log=WHERE    stderr or syslog (the default)\n"
           "  -h, --help     this text\n"
           "  --version      versions of this program, OpenSSL and libmilter\n"
           "\n"
           "See smime-milter(8), smime-milter.conf(5), smimectl(1).\n";
}

std::string version_text()
{
    return std::string(PACKAGE_NAME " " PACKAGE_VERSION "\n") + cms::library_version() + "\nlibmilter " +
           milter::library_version() + "\n";
}

}  // namespace daemon_main
