# make bench: how fast it is; tests/bench/RESULTS.md.  Not part of make check.
bench_programs = tests/bench/load tests/bench/reference tests/bench/certificates tests/bench/worst
tests_bench_load_SOURCES = tests/bench/load.cc
tests_bench_load_LDADD =
tests_bench_reference_SOURCES = tests/bench/reference.cc
tests_bench_reference_LDADD = $(gateway_libs) $(MILTER_LIBS)
tests_bench_certificates_SOURCES = tests/bench/certificates.cc
tests_bench_certificates_LDADD = $(gateway_libs)
tests_bench_worst_SOURCES = tests/bench/worst.cc
tests_bench_worst_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_bench_worst_LDADD = $(gateway_libs)
EXTRA_PROGRAMS = $(bench_programs)
if HAVE_BENCHMARK
bench_programs += tests/bench/library
tests_bench_library_SOURCES = tests/bench/library.cc
tests_bench_library_CPPFLAGS = $(AM_CPPFLAGS) $(BENCHMARK_CFLAGS)
tests_bench_library_LDADD = $(gateway_libs) $(BENCHMARK_LIBS)
endif
EXTRA_DIST += tests/bench/run tests/bench/bench_site.py tests/bench/endurance tests/bench/slow.py tests/bench/goals.py tests/bench/RESULTS.md tests/bench/cost.svg
CLEANFILES += $(EXTRA_PROGRAMS)

bench-programs: smime-milter$(EXEEXT) smimectl$(EXEEXT) $(bench_programs)
bench: bench-programs
if HAVE_BENCHMARK
	$(srcdir)/tests/bench/run '$(abs_builddir)' --output '$(abs_srcdir)/tests/bench' $(BENCH_OPTIONS)
else
	@echo 'make bench needs Google Benchmark, which configure did not find.' >&2
	@echo 'On Debian: apt-get install libbenchmark-dev, then configure again.' >&2
	@exit 1
endif
.PHONY: bench bench-programs
