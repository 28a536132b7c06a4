# make check: unit tests, replayed fuzz seeds, and the checks of the tree itself.
if HAVE_GTEST
check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
tests_unit_unit_SOURCES = $(unit_sources)
tests_unit_unit_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(GTEST_CFLAGS) -DTEST_DATA='"$(abs_srcdir)/tests"'
tests_unit_unit_LDADD = $(gateway_libs) $(GTEST_LIBS) $(PROMETHEUS_LIBS)
else
TESTS += tests/gtest-missing
endif
EXTRA_DIST += tests/gtest-missing

unit_sources += tests/unit/golden_test.cc tests/golden/golden.cc tests/golden/golden.h
EXTRA_DIST += tests/golden

# For tests/daemon, which sends the golden cases over a real socket.
check_PROGRAMS += tests/golden-server
tests_golden_server_SOURCES = tests/golden/server.cc tests/golden/golden.cc tests/golden/golden.h \
	src/milter/callbacks.cc src/milter/callbacks.h src/milter/service.cc src/milter/service.h
tests_golden_server_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_golden_server_LDADD = $(gateway_libs) $(MILTER_LIBS)

check_PROGRAMS += tests/config-keys
tests_config_keys_SOURCES = tests/config_keys.cc
tests_config_keys_LDADD = $(gateway_libs)
TESTS += tests/check-config-docs tests/check-docs tests/check-layers tests/check-conformance tests/check-log-docs
EXTRA_DIST += tests/check-config-docs tests/check-docs tests/check-layers tests/check-conformance tests/check-log-docs \
	tests/conformance.tsv \
	tests/unit/mime_support.h tests/unit/transform_support.h tests/unit/policy_support.h tests/unit/cms_fixture.h

# Run by tests/run, against the built programs.
EXTRA_DIST += tests/run tests/daemon tests/ctl tests/mta tests/lib tests/interop tests/corpora tests/differential \
	tests/metrics tests/tokens tests/package .clang-format .clang-tidy .editorconfig

AM_TESTS_ENVIRONMENT = srcdir='$(srcdir)' abs_srcdir='$(abs_srcdir)' abs_builddir='$(abs_builddir)' CXX='$(CXX)'; \
	export srcdir abs_srcdir abs_builddir CXX;
