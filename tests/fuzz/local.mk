# Fuzz targets.  With --enable-fuzzing (clang) they are libFuzzer programs, see
# tests/RESULTS.md.  Else `make check` replays the seeds and past findings in
# tests/fuzz/corpus.
if FUZZING
fuzz_ldadd = $(gateway_libs)
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
check_PROGRAMS += \
	tests/fuzz/fuzz_address \
	tests/fuzz/fuzz_cms_verify \
	tests/fuzz/fuzz_codec \
	tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_container \
	tests/fuzz/fuzz_content_type \
	tests/fuzz/fuzz_decrypt \
	tests/fuzz/fuzz_encapsulate \
	tests/fuzz/fuzz_header_marks \
	tests/fuzz/fuzz_process \
	tests/fuzz/fuzz_revocation \
	tests/fuzz/fuzz_structure \
	tests/fuzz/fuzz_tnef \
	tests/fuzz/fuzz_verify_message
tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz_address.cc
tests_fuzz_fuzz_address_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_address_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_cms_verify_SOURCES = tests/fuzz/fuzz_cms_verify.cc
tests_fuzz_fuzz_cms_verify_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_cms_verify_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz_codec.cc
tests_fuzz_fuzz_codec_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_codec_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.cc
tests_fuzz_fuzz_config_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_container_SOURCES = tests/fuzz/fuzz_container.cc
tests_fuzz_fuzz_container_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_container_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_content_type_SOURCES = tests/fuzz/fuzz_content_type.cc
tests_fuzz_fuzz_content_type_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_content_type_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_decrypt_SOURCES = tests/fuzz/fuzz_decrypt.cc tests/fuzz/identity.h
tests_fuzz_fuzz_decrypt_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_decrypt_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_encapsulate_SOURCES = tests/fuzz/fuzz_encapsulate.cc
tests_fuzz_fuzz_encapsulate_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_encapsulate_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_header_marks_SOURCES = tests/fuzz/fuzz_header_marks.cc
tests_fuzz_fuzz_header_marks_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_header_marks_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_process_SOURCES = tests/fuzz/fuzz_process.cc tests/fuzz/identity.h
tests_fuzz_fuzz_process_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_process_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_revocation_SOURCES = tests/fuzz/fuzz_revocation.cc
tests_fuzz_fuzz_revocation_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_revocation_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_structure_SOURCES = tests/fuzz/fuzz_structure.cc
tests_fuzz_fuzz_structure_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_structure_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_tnef_SOURCES = tests/fuzz/fuzz_tnef.cc tests/unit/tnef_support.h
tests_fuzz_fuzz_tnef_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_tnef_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_verify_message_SOURCES = tests/fuzz/fuzz_verify_message.cc
tests_fuzz_fuzz_verify_message_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_verify_message_LDFLAGS = $(fuzz_ldflags)
else
fuzz_replays = \
	tests/fuzz/replay_address \
	tests/fuzz/replay_cms_verify \
	tests/fuzz/replay_codec \
	tests/fuzz/replay_config \
	tests/fuzz/replay_container \
	tests/fuzz/replay_content_type \
	tests/fuzz/replay_decrypt \
	tests/fuzz/replay_encapsulate \
	tests/fuzz/replay_header_marks \
	tests/fuzz/replay_process \
	tests/fuzz/replay_revocation \
	tests/fuzz/replay_structure \
	tests/fuzz/replay_tnef \
	tests/fuzz/replay_verify_message
check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)
tests_fuzz_replay_address_SOURCES = tests/fuzz/fuzz_address.cc tests/fuzz/replay.cc
tests_fuzz_replay_address_LDADD = $(gateway_libs)
tests_fuzz_replay_cms_verify_SOURCES = tests/fuzz/fuzz_cms_verify.cc tests/fuzz/replay.cc
tests_fuzz_replay_cms_verify_LDADD = $(gateway_libs)
tests_fuzz_replay_codec_SOURCES = tests/fuzz/fuzz_codec.cc tests/fuzz/replay.cc
tests_fuzz_replay_codec_LDADD = $(gateway_libs)
tests_fuzz_replay_config_SOURCES = tests/fuzz/fuzz_config.cc tests/fuzz/replay.cc
tests_fuzz_replay_config_LDADD = $(gateway_libs)
tests_fuzz_replay_container_SOURCES = tests/fuzz/fuzz_container.cc tests/fuzz/replay.cc
tests_fuzz_replay_container_LDADD = $(gateway_libs)
tests_fuzz_replay_content_type_SOURCES = tests/fuzz/fuzz_content_type.cc tests/fuzz/replay.cc
tests_fuzz_replay_content_type_LDADD = $(gateway_libs)
tests_fuzz_replay_decrypt_SOURCES = tests/fuzz/fuzz_decrypt.cc tests/fuzz/replay.cc tests/fuzz/identity.h
tests_fuzz_replay_decrypt_LDADD = $(gateway_libs)
tests_fuzz_replay_encapsulate_SOURCES = tests/fuzz/fuzz_encapsulate.cc tests/fuzz/replay.cc
tests_fuzz_replay_encapsulate_LDADD = $(gateway_libs)
tests_fuzz_replay_header_marks_SOURCES = tests/fuzz/fuzz_header_marks.cc tests/fuzz/replay.cc
tests_fuzz_replay_header_marks_LDADD = $(gateway_libs)
tests_fuzz_replay_process_SOURCES = tests/fuzz/fuzz_process.cc tests/fuzz/replay.cc tests/fuzz/identity.h
tests_fuzz_replay_process_LDADD = $(gateway_libs)
tests_fuzz_replay_revocation_SOURCES = tests/fuzz/fuzz_revocation.cc tests/fuzz/replay.cc
tests_fuzz_replay_revocation_LDADD = $(gateway_libs)
tests_fuzz_replay_structure_SOURCES = tests/fuzz/fuzz_structure.cc tests/fuzz/replay.cc
tests_fuzz_replay_structure_LDADD = $(gateway_libs)
tests_fuzz_replay_tnef_SOURCES = tests/fuzz/fuzz_tnef.cc tests/fuzz/replay.cc tests/unit/tnef_support.h
tests_fuzz_replay_tnef_LDADD = $(gateway_libs)
tests_fuzz_replay_verify_message_SOURCES = tests/fuzz/fuzz_verify_message.cc tests/fuzz/replay.cc
tests_fuzz_replay_verify_message_LDADD = $(gateway_libs)
endif
EXTRA_DIST += tests/fuzz/corpus
