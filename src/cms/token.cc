#include "cms/token.h"

// Debian 12 has no provider for PKCS#11; the engine is alive, its interface is deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/engine.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/ascii.h"
#include "cms/openssl.h"

namespace cms
{
namespace
{

using base::Code;

constexpr std::string_view pkcs11 = "pkcs11:", tpm2 = "tpm2:";

// A daemon has nobody to ask.
UI_METHOD* nobody()
{
    static UI_METHOD* const method = [] {
        UI_METHOD* m = UI_create_method("nobody");
        if (m != nullptr) UI_method_set_reader(m, [](UI*, UI_STRING*) { return -1; });
        return m;
    }();
    return method;
}

struct FreeKey {
    void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
};

tl::unexpected<base::Error> failed(const TokenKey& key, const std::string& what, std::string remedy)
{
    return base::fail(Code::unavailable, key.uri, what, std::move(remedy));
}

#ifndef OPENSSL_NO_ENGINE

// One engine for the process: it may be initialised for one module only.
base::Result<ENGINE*> engine_for(const TokenKey& key)
{
    static std::string module_in_use;
    static ENGINE* engine = nullptr;
    if (engine != nullptr) {
        if (module_in_use == key.module) return engine;
        return failed(key,
                      "another key uses the module " + (module_in_use.empty() ? "of p11-kit" : module_in_use),
                      "name the same module for all keys; p11-kit, the default, serves several tokens");
    }
    const ossl::ErrorScope errors;
    if (!key.module.empty() && ::access(key.module.c_str(), R_OK) != 0)
        return failed(key, key.module + ": " + std::strerror(errno), "check module = " + key.module);
    ENGINE_load_dynamic();
    ENGINE* e = ENGINE_by_id("pkcs11");
    if (e == nullptr)
        return failed(key, "the engine pkcs11 cannot be loaded: " + errors.text(),
                      "run: apt-get install libengine-pkcs11-openssl");
    const bool ready =
        (key.module.empty() || ENGINE_ctrl_cmd_string(e, "MODULE_PATH", key.module.c_str(), 0) == 1) &&
        ENGINE_ctrl_cmd_string(e, "QUIET", nullptr, 0) == 1 && ENGINE_init(e) == 1;
    if (!ready) {
        ENGINE_free(e);
        return failed(key, "the engine pkcs11 does not start: " + errors.text(),
                      key.module.empty() ? "name the token's module: module = /usr/lib/softhsm/libsofthsm2.so"
                                         : "check module = " + key.module);
    }
    engine = e;
    module_in_use = key.module;
    return engine;
}

base::Result<NativeKey> open_pkcs11(const TokenKey& key)
{
    static std::mutex mutex;  // the PIN is a property of the engine
    const std::lock_guard lock(mutex);
    const auto engine = engine_for(key);
    if (!engine) return base::fail(engine.error());
    const ossl::ErrorScope errors;
    const std::string pin = key.pin ? key.pin->reveal() : std::string();
    if (!pin.empty() && ENGINE_ctrl_cmd_string(*engine, "PIN", pin.c_str(), 0) != 1)
        return failed(key, "the engine does not take the PIN: " + errors.text(), "check password");
    EVP_PKEY* found = ENGINE_load_private_key(*engine, key.uri.c_str(), nobody(), nullptr);
    if (found == nullptr)
        return failed(
            key, "the token has no such key, or does not open: " + errors.text(),
            std::string(key.pin ? "check the PIN in password" : "give the PIN as password = file:/PATH") +
                ", and see what there is: pkcs11-tool --list-objects --login" +
                (key.module.empty() ? "" : " --module " + key.module));
    return NativeKey(found, FreeKey());
}

#else

base::Result<NativeKey> open_pkcs11(const TokenKey& key)
{
    return failed(key, "OpenSSL was built without engines", "use a key in a file");
}

#endif

base::Result<NativeKey> open_tpm2(const TokenKey& key)
{
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const ossl::ErrorScope errors;
    // The default one is no longer there by itself once another was loaded by name.
    static const bool loaded =
        OSSL_PROVIDER_load(nullptr, "default") != nullptr && OSSL_PROVIDER_load(nullptr, "tpm2") != nullptr;
    if (!loaded)
        return failed(key, "the provider tpm2 cannot be loaded: " + errors.text(),
                      "run: apt-get install tpm2-openssl; and see whether the daemon may open /dev/tpmrm0");
    std::string where = key.uri.substr(tpm2.size());
    if (where.starts_with("0x")) where.insert(0, "handle:");
    OSSL_STORE_CTX* store = OSSL_STORE_open_ex(where.c_str(), nullptr, "?provider=tpm2", nobody(), nullptr,
                                               nullptr, nullptr, nullptr);
    EVP_PKEY* found = nullptr;
    while (store != nullptr && found == nullptr && OSSL_STORE_eof(store) == 0) {
        OSSL_STORE_INFO* info = OSSL_STORE_load(store);
        if (info == nullptr) break;
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) found = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    if (found == nullptr)
        return failed(key, "the TPM has no such key, or does not open: " + errors.text(),
                      "see what there is: tpm2_getcap handles-persistent; the daemon has to be able to open "
                      "/dev/tpmrm0 (group tss)");
    return NativeKey(found, FreeKey());
}

}  // namespace

std::string fault_of_token_uri(const std::string& uri)
{
    if (uri.find("pin-value") != std::string::npos) return "holds a PIN: give it as password = file:/PATH";
    if (uri.starts_with(pkcs11) && uri.size() > pkcs11.size()) return {};
    const std::string where = uri.starts_with(tpm2) ? uri.substr(tpm2.size()) : std::string();
    if (where.starts_with('/')) return {};
    if (where.size() > 2 && where.size() <= 10 && where.starts_with("0x") &&
        where.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos)
        return {};
    return "wanted pkcs11:token=NAME;object=NAME, tpm2:0x81000001 or tpm2:/PATH";
}

PrivateKeyHandle open_token(TokenKey key)
{
    return std::make_shared<const PrivateKey>([key = std::move(key)]() -> base::Result<NativeKey> {
        return key.uri.starts_with(pkcs11) ? open_pkcs11(key) : open_tpm2(key);
    });
}

}  // namespace cms
