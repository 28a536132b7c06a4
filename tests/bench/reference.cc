// The least that a milter can do, to compare with:
//
//   reference noop|early|replace|plain SOCKET
//
//   noop      takes everything and changes nothing
//   early     accepts at end-of-header, so that no body is sent
//   replace   keeps the body, as we do, and sends it back
//   plain     the same with the body in memory that realloc(3) doubles
//
// It asks for no answers but at end-of-header and end-of-message, as we do.
// Ends when its standard input does.
#include <libmilter/mfapi.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

#include "base/buffer.h"

namespace
{

bool early = false, replaces = false, plain = false;

class Body
{
public:
    Body() = default;
    Body(const Body&) = delete;
    Body& operator=(const Body&) = delete;
    ~Body() { clear(); }

    bool append(std::string_view more) { return plain ? append_plain(more) : buffer_.append(more); }
    std::string_view view() const { return plain ? std::string_view(data_, size_) : buffer_.view(); }
    void clear()
    {
        buffer_.clear();
        std::free(data_);
        data_ = nullptr;
        size_ = capacity_ = 0;
    }

private:
    bool append_plain(std::string_view more)
    {
        if (size_ + more.size() > capacity_) {
            std::size_t capacity = std::max<std::size_t>(capacity_, 65536);
            while (capacity < size_ + more.size()) capacity *= 2;
            void* larger = std::realloc(data_, capacity);
            if (larger == nullptr) return false;
            data_ = static_cast<char*>(larger);
            capacity_ = capacity;
        }
        std::memcpy(data_ + size_, more.data(), more.size());
        size_ += more.size();
        return true;
    }

    base::Buffer buffer_;
    char* data_ = nullptr;
    std::size_t size_ = 0, capacity_ = 0;
};

Body* body_of(SMFICTX* context)
{
    auto* body = static_cast<Body*>(smfi_getpriv(context));
    if (body == nullptr) {
        body = new Body;
        smfi_setpriv(context, body);
    }
    return body;
}

sfsistat on_negotiate(SMFICTX*, unsigned long, unsigned long offered, unsigned long, unsigned long,
                      unsigned long* actions, unsigned long* protocol, unsigned long* unused2,
                      unsigned long* unused3)
{
    *actions = SMFIF_CHGBODY;
    *protocol = offered & (SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_BODY |
                           SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NODATA);
    *unused2 = *unused3 = 0;
    return SMFIS_CONTINUE;
}

sfsistat on_connect(SMFICTX*, char*, _SOCK_ADDR*) { return SMFIS_NOREPLY; }
sfsistat on_envelope(SMFICTX*, char**) { return SMFIS_NOREPLY; }
sfsistat on_field(SMFICTX*, char*, char*) { return SMFIS_NOREPLY; }
sfsistat on_end_of_header(SMFICTX*) { return early ? SMFIS_ACCEPT : SMFIS_CONTINUE; }

sfsistat on_body(SMFICTX* context, unsigned char* octets, std::size_t size)
{
    return !replaces || body_of(context)->append({reinterpret_cast<const char*>(octets), size})
               ? SMFIS_NOREPLY
               : SMFIS_TEMPFAIL;
}

sfsistat on_end_of_message(SMFICTX* context)
{
    if (!replaces) return SMFIS_CONTINUE;
    Body* body = body_of(context);
    // libmilter does not write to it.
    auto* octets = reinterpret_cast<unsigned char*>(const_cast<char*>(body->view().data()));
    const int sent = smfi_replacebody(context, octets, static_cast<int>(body->view().size()));
    body->clear();
    return sent == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

sfsistat on_abort(SMFICTX* context)
{
    if (replaces) body_of(context)->clear();
    return SMFIS_CONTINUE;
}

sfsistat on_close(SMFICTX* context)
{
    delete static_cast<Body*>(smfi_getpriv(context));
    smfi_setpriv(context, nullptr);
    return SMFIS_CONTINUE;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string_view mode = argc == 3 ? argv[1] : "";
    early = mode == "early";
    plain = mode == "plain";
    replaces = plain || mode == "replace";
    if (!early && !replaces && mode != "noop") {
        std::fprintf(stderr, "usage: reference noop|early|replace|plain SOCKET\n");
        return 64;
    }
    static char name[] = "reference";
    smfiDesc description{};
    description.xxfi_name = name;
    description.xxfi_version = SMFI_VERSION;
    description.xxfi_flags = SMFIF_CHGBODY;
    description.xxfi_connect = on_connect;
    description.xxfi_envfrom = on_envelope;
    description.xxfi_envrcpt = on_envelope;
    description.xxfi_header = on_field;
    description.xxfi_eoh = on_end_of_header;
    description.xxfi_body = on_body;
    description.xxfi_eom = on_end_of_message;
    description.xxfi_abort = on_abort;
    description.xxfi_close = on_close;
    description.xxfi_negotiate = on_negotiate;
    if (smfi_setconn(argv[2]) != MI_SUCCESS || smfi_register(description) != MI_SUCCESS ||
        smfi_opensocket(true) != MI_SUCCESS)
        return 71;
    std::thread([] { std::exit(smfi_main() == MI_SUCCESS ? 0 : 70); }).detach();
    char octet = 0;
    while (read(STDIN_FILENO, &octet, 1) > 0) continue;
    unlink(argv[2]);
    _exit(0);
}
