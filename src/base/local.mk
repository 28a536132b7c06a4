libgateway_a_SOURCES += \
	src/base/account.cc src/base/account.h \
	src/base/ascii.cc src/base/ascii.h \
	src/base/buffer.cc src/base/buffer.h \
	src/base/carry_on.h \
	src/base/clock.cc src/base/clock.h \
	src/base/file.cc src/base/file.h \
	src/base/huge_page.h \
	src/base/large_string.cc src/base/large_string.h \
	src/base/log.cc src/base/log.h src/base/log_json.cc \
	src/base/lru_cache.h \
	src/base/octets.h \
	src/base/result.cc src/base/result.h \
	src/base/secret.h

unit_sources += tests/unit/base_test.cc
