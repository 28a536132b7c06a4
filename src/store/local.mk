libgateway_a_SOURCES += \
	src/store/key_loader.cc src/store/key_loader.h \
	src/store/key_store.cc src/store/key_store.h \
	src/store/password.cc \
	src/store/trust_store.cc src/store/trust_store.h

unit_sources +=
