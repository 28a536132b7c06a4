# What needs no libmilter is in the library, so that tests can reach it.
libgateway_a_SOURCES += \
	src/milter/admission.cc src/milter/admission.h \
	src/milter/apply.cc src/milter/apply.h \
	src/milter/hand_over.cc src/milter/hand_over.h \
	src/milter/handed_over.cc src/milter/handed_over.h \
	src/milter/endpoint.cc src/milter/endpoint.h \
	src/milter/envelope.cc src/milter/envelope.h \
	src/milter/meter.cc src/milter/meter.h \
	src/milter/mta.h \
	src/milter/preflight.cc src/milter/preflight.h \
	src/milter/reply.cc src/milter/reply.h \
	src/milter/runtime.cc src/milter/runtime.h \
	src/milter/session.cc src/milter/session.h \
	src/milter/version.cc src/milter/version.h

smime_milter_SOURCES = \
	src/milter/callbacks.cc src/milter/callbacks.h \
	src/milter/service.cc src/milter/service.h

unit_sources += tests/unit/milter_test.cc tests/unit/milter_session_test.cc tests/unit/milter_meter_test.cc \
	tests/unit/milter_hand_over_test.cc
