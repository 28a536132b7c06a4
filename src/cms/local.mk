libgateway_a_SOURCES += \
	src/cms/certificate.h \
	src/cms/container.h \
	src/cms/finding.cc src/cms/finding.h \
	src/cms/library.h \
	src/cms/private_key.h \
	src/cms/sign.h \
	src/cms/test_ca.h \
	src/cms/trust.h \
	src/cms/verify.h

unit_sources +=
libgateway_a_SOURCES += src/cms/inspect.cc src/cms/inspect.h
unit_sources += tests/unit/cms_inspect_test.cc
