// certificates DIRECTORY COUNT: certificates of so many correspondents, a PEM file
// each, of one CA.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "cms/container.h"
#include "cms/test_ca.h"

int main(int argc, char** argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: certificates DIRECTORY COUNT\n");
        return 64;
    }
    cms::CertificateRequest request;
    request.common_name = "Bench CA";
    request.ca = request.ec = true;
    request.not_before = *base::parse_time("2026-01-01");
    request.not_after = *base::parse_time("2036-01-01");
    const auto ca = cms::issue(request, nullptr);
    request.ca = false;
    for (long i = 0, count = std::atol(argv[2]); ca && i < count; ++i) {
        const std::string address = "user" + std::to_string(i) + "@example.net";
        request.common_name = address;
        request.addresses = {address};
        const auto issued = cms::issue(request, &*ca);
        std::ofstream out(std::string(argv[1]) + "/" + address + ".pem");
        if (!issued || !(out << cms::to_pem(issued->certificate))) return 70;
    }
    return ca ? 0 : 70;
}
