// A request by libcurl, which only http.cc and smtp.cc make.  Not for a build without it.
#pragma once

#include <curl/curl.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "cms/library.h"

namespace store
{

// malloc(3) and its like, which do not forget on this thread that there was no memory.
class CurlMemory
{
public:
    static CURLcode hand_over()
    {
        return curl_global_init_mem(
            CURL_GLOBAL_DEFAULT, [](std::size_t size) { return noted(std::malloc(size), size); }, std::free,
            [](void* memory, std::size_t size) { return noted(std::realloc(memory, size), size); },
            [](const char* text) { return static_cast<char*>(noted(strdup(text), 1)); },
            [](std::size_t count, std::size_t size) {
                return noted(std::calloc(count, size), count == 0 ? 0 : size);
            });
    }
    // Since it was asked last?
    [[nodiscard]] static bool ran_out() { return std::exchange(ran_out_, false); }

private:
    static void* noted(void* got, std::size_t size)
    {
        if (got == nullptr && size != 0) ran_out_ = true;
        return got;
    }
    static inline thread_local bool ran_out_ = false;
};

struct FreeList {
    void operator()(curl_slist* l) const { curl_slist_free_all(l); }
};

// No proxy and no password file, whatever the environment says; its time limit holds while
// a name is being resolved, too.  Throws std::bad_alloc: want of memory is no answer.
// Callbacks must not throw, and do not outlast perform().
class CurlRequest
{
public:
    CurlRequest() : curl_(starts() ? insist(curl_easy_init()) : nullptr), ok_(curl_ != nullptr)
    {
        set(CURLOPT_PROXY, "");
        set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
        set(CURLOPT_NOSIGNAL, 1L);    // threads
        set(CURLOPT_QUICK_EXIT, 1L);  // the thread that resolves a name ends alone
        set(CURLOPT_NOPROGRESS, 0L);
        set(CURLOPT_FORBID_REUSE, 1L);  // each connection is opened and closed under the callbacks' eyes
    }

    template <class T>
    void set(CURLoption option, T value)
    {
        ok_ = ok_ && insist(curl_easy_setopt(curl_.get(), option, value)) == CURLE_OK;
    }
    // Has libcurl started, and taken all options?
    [[nodiscard]] bool ok() const { return ok_; }
    // CURLE_OUT_OF_MEMORY is the other side's doing: what it has sent, a line of 300 kB for
    // instance, is more than libcurl wants to hold.
    [[nodiscard]] CURLcode perform()
    {
        static_cast<void>(CurlMemory::ran_out());
        const CURLcode code = curl_easy_perform(curl_.get());
        // What was done in spite of it has been done.
        if (code == CURLE_OK) return code;
        cms::insist_on_memory();
        if (CurlMemory::ran_out()) throw std::bad_alloc();
        return code;
    }
    [[nodiscard]] static const char* text(CURLcode code)
    {
        return code == CURLE_OUT_OF_MEMORY ? "the answer has a line that is too long"
                                           : curl_easy_strerror(code);
    }
    [[nodiscard]] long status() const { return number(CURLINFO_RESPONSE_CODE); }
    [[nodiscard]] long redirects() const { return number(CURLINFO_REDIRECT_COUNT); }

private:
    struct FreeHandle {
        void operator()(CURL* c) const { curl_easy_cleanup(c); }
    };

    [[nodiscard]] long number(CURLINFO which) const
    {
        long number = 0;
        curl_easy_getinfo(curl_.get(), which, &number);
        return number;
    }
    static CURLcode insist(CURLcode code)
    {
        if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
        return code;
    }
    static CURL* insist(CURL* handle)
    {
        if (handle == nullptr) throw std::bad_alloc();
        return handle;
    }
    static bool starts()
    {
        static std::once_flag once;
        static CURLcode started = CURLE_FAILED_INIT;
        std::call_once(once, [] { started = insist(CurlMemory::hand_over()); });
        return started == CURLE_OK;
    }

    std::unique_ptr<CURL, FreeHandle> curl_;
    bool ok_;
};

}  // namespace store
