// A request by libcurl, which only http.cc and smtp.cc make.  Not for a build without it.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <mutex>
#include <new>

namespace store
{

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
    [[nodiscard]] CURLcode perform() { return insist(curl_easy_perform(curl_.get())); }
    [[nodiscard]] long status() const
    {
        long status = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
        return status;
    }

private:
    struct FreeHandle {
        void operator()(CURL* c) const { curl_easy_cleanup(c); }
    };

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
        std::call_once(once, [] { started = insist(curl_global_init(CURL_GLOBAL_DEFAULT)); });
        return started == CURLE_OK;
    }

    std::unique_ptr<CURL, FreeHandle> curl_;
    bool ok_;
};

}  // namespace store
