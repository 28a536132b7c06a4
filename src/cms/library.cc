#include "cms/library.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <string.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <tuple>
#include <utility>

namespace cms
{

std::string library_version() { return OpenSSL_version(OPENSSL_VERSION); }

bool library_is_current()
{
    return std::make_tuple(OPENSSL_version_major(), OPENSSL_version_minor(), OPENSSL_version_patch()) >=
           std::make_tuple(3U, 0U, 22U);
}

namespace
{

thread_local bool ran_out = false;

void* allocate(std::size_t size, const char*, int)
{
    void* const got = std::malloc(size);
    if (got == nullptr && size != 0) ran_out = true;
    return got;
}

void release(void* memory, const char*, int)
{
    if (memory == nullptr) return;
    explicit_bzero(memory, malloc_usable_size(memory));
    std::free(memory);
}

void* reallocate(void* memory, std::size_t size, const char* file, int line)
{
    if (memory == nullptr) return allocate(size, file, line);
    const std::size_t usable = malloc_usable_size(memory);
    if (size != 0 && size <= usable) return memory;
    void* const grown = size == 0 ? nullptr : allocate(size, file, line);
    if (grown != nullptr) std::memcpy(grown, memory, usable);
    if (grown != nullptr || size == 0) release(memory, file, line);
    return grown;
}

}  // namespace

void keep_library_until_the_end() { static_cast<void>(OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr)); }

bool look_after_memory() { return CRYPTO_set_mem_functions(allocate, reallocate, release) == 1; }

void insist_on_memory()
{
    if (std::exchange(ran_out, false)) throw std::bad_alloc();
}

void forget_want_of_memory() { ran_out = false; }

SecureHeap reserve_secure_heap(std::size_t keys)
{
    // RSA-4096 takes 1.8 kB, RSA-8192 twice that; blocks are powers of two.
    constexpr std::size_t for_one = 4096, smallest = 32;
    switch (CRYPTO_secure_malloc_init(std::bit_ceil(keys * for_one), smallest)) {
        case 1: return SecureHeap::ready;
        case 2: return SecureHeap::not_locked;
        default: return SecureHeap::none;
    }
}

}  // namespace cms
