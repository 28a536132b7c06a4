smimectl_SOURCES = \
	src/ctl/cert.cc src/ctl/cert.h \
	src/ctl/cert_check.cc \
	src/ctl/cert_expiry.cc \
	src/ctl/cert_import.cc \
	src/ctl/cert_pending.cc \
	src/ctl/cert_remove.cc \
	src/ctl/cert_store.cc \
	src/ctl/command.h \
	src/ctl/configuration.cc \
	src/ctl/control.cc src/ctl/control.h \
	src/ctl/doctor.cc \
	src/ctl/envelope.cc src/ctl/envelope.h \
	src/ctl/explain.cc \
	src/ctl/input.cc src/ctl/input.h \
	src/ctl/inspect.cc \
	src/ctl/json.h \
	src/ctl/main.cc \
	src/ctl/mta.cc src/ctl/mta.h \
	src/ctl/options.cc src/ctl/options.h \
	src/ctl/output.cc src/ctl/output.h \
	src/ctl/process.cc \
	src/ctl/program.cc src/ctl/program.h \
	src/ctl/reencapsulate.cc \
	src/ctl/decrypt.cc src/ctl/encrypt.cc src/ctl/key_files.cc src/ctl/key_files.h \
	src/ctl/send_test.cc \
	src/ctl/setup.cc \
	src/ctl/sign.cc \
	src/ctl/status.cc src/ctl/status.h \
	src/ctl/test_ca.cc \
	src/ctl/trust.cc src/ctl/trust.h \
	src/ctl/verify.cc
smimectl_LDADD = $(gateway_libs)
