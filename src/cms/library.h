// The cryptographic library as a whole.
#pragma once

#include <cstddef>
#include <string>

namespace cms
{

[[nodiscard]] std::string library_version();  // "OpenSSL 3.0.22 ..." as loaded at run time
[[nodiscard]] bool library_is_current();      // at least 3.0.22: older ones have CMS holes

// From now on OpenSSL's memory is ours to look after.  It is wiped when it is freed, for
// decoders leave encodings of private keys behind; and that there was none is not
// forgotten: see insist_on_memory().  False when OpenSSL has memory already, and keeps to
// its own ways.
[[nodiscard]] bool look_after_memory();

// Throws std::bad_alloc when OpenSSL got no memory, on this thread and since the last
// call: what it said since then (a signature is wrong, a certificate names nobody) may
// mean no more than that.  To be called before such an answer leaves the thread's hands,
// into a verdict or a cache.
void insist_on_memory();
// Of the work before on this thread.
void forget_want_of_memory();

// OpenSSL is not taken down at exit, for other threads may still be in it: libmilter's
// do not end before the process does.  Before anything else uses it.
void keep_library_until_the_end();

// Private keys of RSA that are read from now on lie in memory of their own: locked, not
// dumped, with guard pages around it, and wiped when they go.  Room for `keys` of up to
// 8192 bits; a key that finds no room would fail to load.  Once in a process, before any key is read.
enum class SecureHeap {
    ready,
    not_locked,  // the limit of locked memory is too low: swap may see it
    none,        // not to be had: keys lie in ordinary memory
};
[[nodiscard]] SecureHeap reserve_secure_heap(std::size_t keys);

}  // namespace cms
