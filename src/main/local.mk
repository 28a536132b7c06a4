# What needs no libmilter is in the library, so that tests can reach it.
libgateway_a_SOURCES += \
	src/main/answering.cc src/main/answering.h \
	src/main/listener.cc src/main/listener.h \
	src/main/metrics.cc src/main/metrics.h \
	src/main/metrics_service.cc src/main/metrics_service.h \
	src/main/notify.cc src/main/notify.h \
	src/main/watchdog.cc src/main/watchdog.h

smime_milter_SOURCES += \
	src/main/control_socket.cc src/main/control_socket.h \
	src/main/daemon.cc \
	src/main/loader.cc src/main/loader.h \
	src/main/lock.cc src/main/lock.h \
	src/main/options.cc src/main/options.h \
	src/main/place.cc src/main/place.h \
	src/main/privileges.cc src/main/privileges.h \
	src/main/signals.cc src/main/signals.h \
	src/main/status.cc src/main/status.h
smime_milter_LDADD = $(gateway_libs) $(MILTER_LIBS) $(PROMETHEUS_LIBS)

unit_sources += tests/unit/main_watchdog_test.cc tests/unit/main_metrics_test.cc
