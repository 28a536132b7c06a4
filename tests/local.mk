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
EXTRA_DIST += tests/gtest-missing tests/RESULTS.md

unit_sources += tests/unit/golden_test.cc tests/golden/golden.cc tests/golden/golden.h
unit_sources += tests/unit/scarce_memory.cc tests/unit/scarce_memory.h tests/unit/scarce_memory_test.cc
EXTRA_DIST += tests/golden

# For tests/daemon, which sends the golden cases over a real socket.
check_PROGRAMS += tests/golden-server
tests_golden_server_SOURCES = tests/golden/server.cc tests/golden/golden.cc tests/golden/golden.h \
	src/milter/callbacks.cc src/milter/callbacks.h src/milter/service.cc src/milter/service.h
tests_golden_server_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_golden_server_LDADD = $(gateway_libs) $(MILTER_LIBS)

# For tests/sources, which runs it over servers.
if HAVE_GTEST
check_PROGRAMS += tests/sources/contract
tests_sources_contract_SOURCES = tests/sources/contract.cc tests/unit/store_contract.h tests/unit/store_fixture.h
tests_sources_contract_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(GTEST_CFLAGS)
tests_sources_contract_LDADD = $(gateway_libs) $(GTEST_LIBS)
check_PROGRAMS += tests/sources/learned
tests_sources_learned_SOURCES = tests/sources/learned.cc tests/unit/store_fixture.h
tests_sources_learned_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(GTEST_CFLAGS)
tests_sources_learned_LDADD = $(gateway_libs) $(GTEST_LIBS)
endif
check_PROGRAMS += tests/sources/ask
tests_sources_ask_SOURCES = tests/sources/ask.cc
tests_sources_ask_LDADD = $(gateway_libs)
check_PROGRAMS += tests/sources/learn
tests_sources_learn_SOURCES = tests/sources/learn.cc
tests_sources_learn_LDADD = $(gateway_libs)

# For tests/corpora and tests/differential: the verdict, made in both ways.
check_PROGRAMS += tests/quick-and-plain
tests_quick_and_plain_SOURCES = tests/quick_and_plain.cc tests/lib/verdict_text.h \
	src/ctl/input.cc src/ctl/options.cc src/ctl/output.cc src/ctl/trust.cc
tests_quick_and_plain_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_quick_and_plain_LDADD = $(gateway_libs)

check_PROGRAMS += tests/config-keys
tests_config_keys_SOURCES = tests/config_keys.cc
tests_config_keys_LDADD = $(gateway_libs)
TESTS += tests/check-config-docs tests/check-docs tests/check-layers tests/check-conformance tests/check-log-docs
EXTRA_DIST += tests/check-config-docs tests/check-docs tests/check-layers tests/check-conformance tests/check-log-docs \
	tests/conformance.tsv \
	tests/unit/mime_support.h tests/unit/transform_support.h tests/unit/policy_support.h tests/unit/cms_fixture.h

# Run by tests/run, against the built programs.
EXTRA_DIST += tests/run tests/daemon tests/ctl tests/mta tests/lib tests/interop tests/corpora tests/differential \
	tests/faults \
	tests/metrics tests/sources tests/tokens tests/package .clang-format .clang-tidy .editorconfig

AM_TESTS_ENVIRONMENT = srcdir='$(srcdir)' abs_srcdir='$(abs_srcdir)' abs_builddir='$(abs_builddir)' CXX='$(CXX)'; \
	export srcdir abs_srcdir abs_builddir CXX;
