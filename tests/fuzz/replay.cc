// Runs one fuzz target over files, so that `make check` replays its corpus with
// any compiler.  Without arguments: $abs_srcdir/tests/fuzz/corpus/TARGET, where
// the program is called replay_TARGET.
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace
{

base::Result<std::vector<std::string>> corpus_of(const std::string& program)
{
    const char* source = std::getenv("abs_srcdir");
    const std::string target = program.substr(program.rfind("replay_") + 7);
    const std::string directory =
        std::string(source == nullptr ? "." : source) + "/tests/fuzz/corpus/" + target;
    auto names = base::list_directory(directory);
    if (names)
        for (auto& name : *names) name.insert(0, directory + '/');
    return names;
}

int run(const base::Result<std::vector<std::string>>& files)
{
    if (!files) {
        std::cerr << files.error().text() << '\n';
        return EXIT_FAILURE;
    }
    for (const auto& name : *files) {
        const auto octets = base::read_file(name, 1U << 26);
        if (!octets) {
            std::cerr << octets.error().text() << '\n';
            return EXIT_FAILURE;
        }
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(octets->data()), octets->size());
    }
    std::cout << files->size() << " inputs\n";
    return files->empty() ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv)
{
    return run(argc > 1 ? std::vector<std::string>(argv + 1, argv + argc) : corpus_of(argv[0]));
}
