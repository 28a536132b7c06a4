// Runs one fuzz target over files, so that `make check` replays its corpus with
// any compiler.  Without arguments: $abs_srcdir/tests/fuzz/corpus/TARGET, where
// the program is called replay_TARGET.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace
{

std::vector<std::string> corpus_of(const std::string& program)
{
    std::vector<std::string> files;
    const char* source = std::getenv("abs_srcdir");
    const auto target = program.substr(program.rfind("replay_") + 7);
    const auto directory = std::string(source == nullptr ? "." : source) + "/tests/fuzz/corpus/" + target;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
    return files;
}

}  // namespace

int main(int argc, char** argv)
{
    std::vector<std::string> files(argv + 1, argv + argc);
    if (files.empty()) files = corpus_of(argv[0]);
    for (const auto& name : files) {
        std::ifstream file(name, std::ios::binary);
        const std::string octets{std::istreambuf_iterator<char>(file), {}};
        if (!file) {
            std::cerr << name << ": cannot be read\n";
            return 1;
        }
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
    }
    std::cout << files.size() << " inputs\n";
    return files.empty() ? 1 : 0;
}
