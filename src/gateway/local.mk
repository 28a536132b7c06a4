libgateway_a_SOURCES += \
	src/gateway/message.h \
	src/gateway/outcome.h \
	src/gateway/process.h \
	src/gateway/snapshot.h

unit_sources +=
