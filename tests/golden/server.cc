// Serves one golden case over libmilter, with the case's clock, seed and keys,
// for the client that compares what comes back with what is recorded:
//
//   golden-server DIRECTORY CASE
//
// Prints the path of its socket when it listens; ends when its standard input does.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "base/log.h"
#include "golden/golden.h"
#include "milter/runtime.h"
#include "milter/service.h"

int main(int argc, char** argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: golden-server DIRECTORY CASE\n");
        return 64;
    }
    const auto c = golden::load_case(argv[1], argv[2]);
    // libmilter does not wait for its workers, so everything they use stays to the
    // end of the process; only the directory goes before.
    auto workspace = std::make_unique<golden::Workspace>(c, argv[1]);
    const std::string socket = workspace->directory() + "/milter.sock";
    std::vector<base::Problem> problems;
    const auto snapshot = gateway::load_snapshot(workspace->configuration(), c.at, problems);
    for (const auto& problem : problems) std::fprintf(stderr, "%s\n", problem.text().c_str());
    const auto endpoint = milter::Endpoint::parse("unix:" + socket);
    if (!snapshot || !endpoint) return 78;

    static base::StderrLog log("golden-server");
    static const base::FixedClock clock(c.at);
    static base::SeededRandom random(c.seed);
    static milter::Runtime runtime(log, clock, random, snapshot);
    static milter::Service service(*endpoint);
    if (const auto opened = service.open(); !opened) {
        std::fprintf(stderr, "%s\n", opened.error().text().c_str());
        return 71;
    }
    service.start(runtime, [] {});
    std::printf("%s\n", socket.c_str());
    std::fflush(stdout);
    char octet = 0;
    while (read(STDIN_FILENO, &octet, 1) > 0) continue;
    workspace.reset();
    _exit(0);
}
