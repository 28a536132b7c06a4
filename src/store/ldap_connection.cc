#include "store/ldap_connection.h"

#include "config.h"

#ifdef HAVE_LIBLDAP
#include <fcntl.h>
#include <openldap.h>
#include <sys/time.h>

#include <mutex>

#include "base/ascii.h"
#include "store/connect.h"

namespace store
{
namespace
{

constexpr ber_len_t largest_message = 2U << 20;  // of the protocol: an entry
constexpr std::size_t largest_value = 128U << 10;
constexpr std::size_t largest_answer = 1U << 20;
constexpr int most_entries = 128;
constexpr int page = 32;
constexpr std::size_t most_values = 128;
constexpr std::size_t longest_dn = 256;
constexpr const char* nowhere = "ldapi://%2Fnonexistent/";
constexpr const char* ca_certificates = "/etc/ssl/certs/ca-certificates.crt";

struct FreeMessage {
    void operator()(LDAPMessage* m) const { ldap_msgfree(m); }
};
struct FreeControl {
    void operator()(LDAPControl* c) const { ldap_control_free(c); }
};
struct FreeBer {
    void operator()(BerElement* b) const { ber_free(b, 0); }
};
struct FreeText {
    void operator()(char* text) const { ldap_memfree(text); }
};
using Text = std::unique_ptr<char, FreeText>;

timeval time_left(const Patience& patience)
{
    const auto left = patience.left(std::chrono::minutes(1)).count();
    return {left / 1000, static_cast<suseconds_t>(left % 1000 * 1000)};
}

// libldap reads its files at the first call, without a lock.
int create(int fd, bool local, const std::string& uri, LDAP** out)
{
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    return ldap_init_fd(fd, local ? LDAP_PROTO_IPC : LDAP_PROTO_TCP, uri.c_str(), out);
}

std::string remedy_for(int code)
{
    switch (code) {
        case LDAP_INVALID_CREDENTIALS: return "see user and password of the source";
        case LDAP_NO_SUCH_OBJECT: return "see the base of the source";
        case LDAP_INSUFFICIENT_ACCESS:
        case LDAP_INAPPROPRIATE_AUTH: return "let the user of the source read certificates";
        case LDAP_CONFIDENTIALITY_REQUIRED: return "use ldaps:, or starttls = yes";
        case LDAP_CONNECT_ERROR: return "see ca of the source";
        default: return {};
    }
}

// slapd answers so when its limits for pages are less than what is asked for.
bool refuses_pages(int code)
{
    return code == LDAP_ADMINLIMIT_EXCEEDED || code == LDAP_UNWILLING_TO_PERFORM ||
           code == LDAP_UNAVAILABLE_CRITICAL_EXTENSION;
}

void set_up_tls(LDAP* ld, const std::string& ca)
{
    // Whatever ldap.conf(5) says, and after these the context is made anew.
    const int demand = LDAP_OPT_X_TLS_DEMAND, least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, client = 0;
    ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca.empty() ? ca_certificates : ca.c_str());
    ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least);
    ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
}

// Values of one entry; false when there is no room for more.
bool take(LDAP* ld, LDAPMessage* entry, LdapValues& out, std::size_t& octets)
{
    const Text name(ldap_get_dn(ld, entry));
    // The directory writes it, and each value carries a copy: no more than is ever shown.
    const std::string dn = name ? std::string(std::string_view(name.get()).substr(0, longest_dn)) : "";
    BerElement* position = nullptr;
    Text attribute(ldap_first_attribute(ld, entry, &position));
    const std::unique_ptr<BerElement, FreeBer> owner(position);
    for (; attribute; attribute.reset(ldap_next_attribute(ld, entry, position))) {
        const std::string_view description = attribute.get();
        const auto type = description.substr(0, description.find(';'));
        const bool bag = base::iequals(type, "userSMIMECertificate");
        if (!bag && !base::iequals(type, "userCertificate")) continue;
        berval** values = ldap_get_values_len(ld, entry, attribute.get());
        const std::unique_ptr<berval*, void (*)(berval**)> values_owner(values, ldap_value_free_len);
        for (; values != nullptr && *values != nullptr; ++values) {
            const std::size_t size = (*values)->bv_len;
            if (size > largest_value) {
                out.remarks.push_back("a value of " + std::to_string(size) + " octets at " + dn);
                continue;
            }
            if (out.values.size() == most_values || octets + size > largest_answer) {
                out.remarks.emplace_back("more values than are looked at");
                return false;
            }
            octets += size;
            out.values.push_back({dn, bag, std::string((*values)->bv_val, size)});
        }
    }
    return true;
}

}  // namespace

struct LdapConnection::Handle {
    LDAP* ld = nullptr;
    const LdapServer* server = nullptr;

    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    Handle(Handle&&) = delete;
    Handle& operator=(Handle&&) = delete;
    ~Handle()
    {
        if (ld != nullptr) ldap_unbind_ext(ld, nullptr, nullptr);
    }

    [[nodiscard]] tl::unexpected<base::Error> failed(const std::string& uri, const std::string& doing,
                                                     int code, const Patience& patience) const
    {
        char* text = nullptr;
        ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, static_cast<void*>(&text));
        const Text owner(text);
        std::string what = uri + ": " + doing + ": ";
        if (patience.over())
            what += "no answer in time";
        else
            what += ldap_err2string(code);
        // What libldap says about a certificate is "(unknown error code)".
        const std::string_view more = text == nullptr ? "" : text;
        if (!more.empty() && !patience.over() && more.find("unknown error") == std::string_view::npos)
            what += " (" + std::string(more) + ")";
        else if (code == LDAP_CONNECT_ERROR && !patience.over())
            what += " (its certificate may be another host's, or of a CA that is not known)";
        return base::fail(base::Code::unavailable, uri, what, patience.over() ? "" : remedy_for(code));
    }
};

LdapConnection::LdapConnection(LdapServer server, std::unique_ptr<Handle> handle)
    : server_(std::move(server)), handle_(std::move(handle))
{
}

LdapConnection::~LdapConnection() = default;

base::Result<std::unique_ptr<LdapConnection>> LdapConnection::open(const LdapServer& server,
                                                                   const SourceSettings& settings,
                                                                   const Patience& patience)
{
    auto password = read_password(settings.password);
    if (!password) return base::fail(password.error());
    // RFC 4513 section 5.1.2: with an empty password everybody is nobody, and welcome.
    if (!settings.user.empty() && (!*password || (*password)->reveal().empty()))
        return base::fail(base::Code::configuration, settings.where, "the password of the source is empty",
                          "put it into " + settings.password.text);
    auto socket = server.local ? connect_unix(server.host) : connect_tcp(server.host, server.port, patience);
    if (!socket) return base::fail(socket.error());
    const Leash leash(socket->get(), patience);
    if (::fcntl(socket->get(), F_SETFL, 0) != 0)  // as libldap expects it
        return base::fail(base::Code::internal, server.uri, server.uri + ": fcntl fails");
    auto handle = std::make_unique<Handle>();
    if (const int code = create(socket->get(), server.local, server.uri, &handle->ld); code != LDAP_SUCCESS)
        return base::fail(base::Code::internal, server.uri, server.uri + ": " + ldap_err2string(code));
    LDAP* const ld = handle->ld;
    (void)socket->release();  // libldap closes it
    const auto failed = [&](const char* doing, int code) {
        return handle->failed(server.uri, doing, code, patience);
    };

    const int three = LDAP_VERSION3;
    ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &three);
    ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    const timeval left = time_left(patience);
    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &left);
    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &left);
    Sockbuf* buffer = nullptr;
    ber_len_t most = largest_message;
    if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, static_cast<void*>(&buffer)) != LDAP_OPT_SUCCESS ||
        buffer == nullptr || ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &most) != 1)
        return base::fail(base::Code::internal, server.uri, server.uri + ": libldap takes no limit");

    if (server.tls != LdapServer::Tls::none) {
        set_up_tls(ld, settings.ca);
        const int code = server.tls == LdapServer::Tls::start ? ldap_start_tls_s(ld, nullptr, nullptr)
                                                              : ldap_install_tls(ld);
        if (code != LDAP_SUCCESS) return failed("TLS", code);
        if (ldap_tls_inplace(ld) == 0) return failed("TLS", LDAP_CONNECT_ERROR);
    }
    // Should it ever want to connect by itself: not to what ldap.conf(5) says.
    ldap_set_option(ld, LDAP_OPT_URI, nowhere);
    if (!settings.user.empty()) {
        std::string secret = *password ? (*password)->reveal() : std::string();
        berval credentials{secret.size(), secret.data()};
        const int code = ldap_sasl_bind_s(ld, settings.user.c_str(), LDAP_SASL_SIMPLE, &credentials, nullptr,
                                          nullptr, nullptr);
        explicit_bzero(secret.data(), secret.size());
        if (code != LDAP_SUCCESS) return failed("login", code);
    }
    return std::unique_ptr<LdapConnection>(new LdapConnection(server, std::move(handle)));
}

base::Result<LdapValues> LdapConnection::search(const std::string& filter, const Patience& patience)
{
    LDAP* const ld = handle_->ld;
    const auto failed = [&](int code) { return handle_->failed(server_.uri, "search", code, patience); };
    int fd = -1;
    if (ldap_get_option(ld, LDAP_OPT_DESC, &fd) != LDAP_OPT_SUCCESS || fd < 0)
        return failed(LDAP_SERVER_DOWN);
    const Leash leash(fd, patience);
    // slapd gives nothing for userSMIMECertificate;binary, the type has no such option.
    std::string certificate = "userCertificate;binary", bag = "userSMIMECertificate";
    char* attributes[] = {certificate.data(), bag.data(), nullptr};

    LdapValues out;
    std::size_t octets = 0;
    int entries = 0;
    berval cookie{0, nullptr};
    const std::unique_ptr<berval, void (*)(berval*)> cookie_owner(&cookie,
                                                                  [](berval* b) { ber_memfree(b->bv_val); });
    const auto cut_off = [&](int message, const char* why) {
        ldap_abandon_ext(ld, message, nullptr, nullptr);
        out.remarks.emplace_back(why);
        spent_ = true;
    };
    bool in_pages = true, again = false;
    do {
        again = false;
        LDAPControl* control = nullptr;
        if (const int code = ldap_create_page_control(ld, page, &cookie, 0, &control); code != LDAP_SUCCESS)
            return failed(code);
        const std::unique_ptr<LDAPControl, FreeControl> control_owner(control);
        LDAPControl* controls[] = {in_pages ? control : nullptr, nullptr};
        timeval left = time_left(patience);
        left = {std::max<time_t>(left.tv_sec, 1), 0};  // what the server is told
        int message = 0;
        if (const int code = ldap_search_ext(ld, server_.base.c_str(), LDAP_SCOPE_SUBTREE, filter.c_str(),
                                             attributes, 0, controls, nullptr, &left, most_entries, &message);
            code != LDAP_SUCCESS)
            return failed(code);
        ber_memfree(std::exchange(cookie.bv_val, nullptr));
        cookie.bv_len = 0;
        for (bool more = true; more;) {
            left = time_left(patience);
            LDAPMessage* answer = nullptr;
            const int type = ldap_result(ld, message, LDAP_MSG_ONE, &left, &answer);
            const std::unique_ptr<LDAPMessage, FreeMessage> owner(answer);
            if (type <= 0) {
                int code = LDAP_TIMEOUT;
                if (type < 0) ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
                return failed(code);
            }
            if (type == LDAP_RES_SEARCH_RESULT) {
                int code = LDAP_OTHER;
                LDAPControl** given = nullptr;
                const int parsed = ldap_parse_result(ld, answer, &code, nullptr, nullptr, nullptr, &given, 0);
                const std::unique_ptr<LDAPControl*, void (*)(LDAPControl**)> given_owner(given,
                                                                                         ldap_controls_free);
                if (parsed != LDAP_SUCCESS) return failed(parsed);
                // Pages, or of that size, may not be for us: then without, as far as that goes.
                if (in_pages && entries == 0 && refuses_pages(code)) {
                    in_pages = false;
                    again = true;
                    break;
                }
                const bool limited = code == LDAP_SIZELIMIT_EXCEEDED || code == LDAP_ADMINLIMIT_EXCEEDED ||
                                     code == LDAP_TIMELIMIT_EXCEEDED;
                if (limited) out.remarks.emplace_back(ldap_err2string(code));
                if (code != LDAP_SUCCESS && !limited) return failed(code);
                if (limited && entries == 0 && code != LDAP_SIZELIMIT_EXCEEDED) return failed(code);
                LDAPControl* paged = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, given, nullptr);
                ber_int_t estimate = 0;
                if (paged != nullptr && !limited &&
                    ldap_parse_pageresponse_control(ld, paged, &estimate, &cookie) != LDAP_SUCCESS)
                    cookie = {0, nullptr};
                more = false;
            } else if (++entries > most_entries) {
                cut_off(message, "more entries than are looked at");
                return out;
            } else if (type == LDAP_RES_SEARCH_ENTRY && !take(ld, answer, out, octets)) {
                cut_off(message, "");
                out.remarks.pop_back();
                return out;
            }
        }
    } while (again || cookie.bv_len > 0);
    return out;
}

bool is_ldap_filter(const std::string& filter)
{
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    LDAP* ld = nullptr;
    if (ldap_initialize(&ld, nowhere) != LDAP_SUCCESS) return false;
    // The filter is looked at before anybody is connected to.
    int message = 0;
    const int code = ldap_search_ext(ld, "", LDAP_SCOPE_BASE, filter.c_str(), nullptr, 0, nullptr, nullptr,
                                     nullptr, 0, &message);
    ldap_unbind_ext(ld, nullptr, nullptr);
    return code != LDAP_FILTER_ERROR;
}

}  // namespace store
#endif
