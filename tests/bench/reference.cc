// The least that a milter can do, to compare with:
//
//   reference noop|early|replace SOCKET
//
//   noop      takes everything and changes nothing
//   early     accepts at end-of-header, so that no body is sent
//   replace   keeps the body, as we do, and sends it back
//
// It asks for no answers but at end-of-header and end-of-message, as we do.
// Ends when its standard input does.
#include <libmilter/mfapi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "base/buffer.h"

namespace
{

bool early = false, replaces = false;

base::Buffer* body_of(SMFICTX* context)
{
    auto* body = static_cast<base::Buffer*>(smfi_getpriv(context));
    if (body == nullptr) {
        body = new base::Buffer;
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
    base::Buffer* body = body_of(context);
    // libmilter does not write to it.
    auto* octets = reinterpret_cast<unsigned char*>(const_cast<char*>(body->view().data()));
    const int sent = smfi_replacebody(context, octets, static_cast<int>(body->size()));
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
    delete static_cast<base::Buffer*>(smfi_getpriv(context));
    smfi_setpriv(context, nullptr);
    return SMFIS_CONTINUE;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string_view mode = argc == 3 ? argv[1] : "";
    early = mode == "early";
    replaces = mode == "replace";
    if (!early && !replaces && mode != "noop") {
        std::fprintf(stderr, "usage: reference noop|early|replace SOCKET\n");
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
