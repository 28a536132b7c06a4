libgateway_a_SOURCES += \
	src/store/key_store.h \
	src/store/trust_store.h

unit_sources +=
