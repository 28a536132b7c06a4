libgateway_a_SOURCES += \
	src/policy/config.h \
	src/policy/decide.h \
	src/policy/facts.h \
	src/policy/ini.h \
	src/policy/network.h \
	src/policy/schema.h

unit_sources +=
