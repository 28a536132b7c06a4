// The key that the seeds of fuzz_decrypt and fuzz_process are encrypted to; it is
// nobody's.
#pragma once

inline constexpr const char* fuzz_identity =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdc5xedN/kCdUR/G6\n"
    "skzsGqHbk45T9ayJ+iqGd1C/9PuhRANCAASuPMuUjZdui54hKJWPXGY/M8uh4VpM\n"
    "cGVfcRLTLxceBH7eu/lqOnpzK1o/aFSb0ryijlDH+TCbUQFOlJT5g2Mr\n"
    "-----END PRIVATE KEY-----\n"
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBnDCCAUOgAwIBAgIUbE9PRRfbNe8AfjQkaH4AVeBNgbQwCgYIKoZIzj0EAwIw\n"
    "DzENMAsGA1UEAwwEZnV6ejAgFw0yNjExMjQxNzEzNTZaGA8yMTI2MTAzMTE3MTM1\n"
    "NlowDzENMAsGA1UEAwwEZnV6ejBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABK48\n"
    "y5SNl26LniEolY9cZj8zy6HhWkxwZV9xEtMvFx4Eft67+Wo6enMrWj9oVJvSvKKO\n"
    "UMf5MJtRAU6UlPmDYyujezB5MB0GA1UdDgQWBBTT1YGrl776OalFwJPMAOZJQmKf\n"
    "HjAfBgNVHSMEGDAWgBTT1YGrl776OalFwJPMAOZJQmKfHjAMBgNVHRMBAf8EAjAA\n"
    "MAsGA1UdDwQEAwIDiDAcBgNVHREEFTATgRFhbGljZUBleGFtcGxlLm9yZzAKBggq\n"
    "hkjOPQQDAgNHADBEAiB21JbIqdhWCzoSdWy2HBBYZV67mnK5R/e2lp8DGqG8JwIg\n"
    "Gtre0XeWQPj4z9/oO36xuP2PnldvTk9huX4gwbTcZXg=\n"
    "-----END CERTIFICATE-----\n";
