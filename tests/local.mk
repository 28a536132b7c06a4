# make check: unit tests and the checks of the tree itself.
if HAVE_GTEST
check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
tests_unit_unit_SOURCES = $(unit_sources)
tests_unit_unit_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -DTEST_DATA='"$(abs_srcdir)/tests"'
tests_unit_unit_LDADD = $(gateway_libs) $(GTEST_LIBS)
else
TESTS += tests/gtest-missing
endif
EXTRA_DIST += tests/gtest-missing

TESTS += tests/check-layers
EXTRA_DIST += tests/check-layers
AM_TESTS_ENVIRONMENT = srcdir='$(srcdir)' abs_srcdir='$(abs_srcdir)' abs_builddir='$(abs_builddir)' CXX='$(CXX)'; \
	export srcdir abs_srcdir abs_builddir CXX;
