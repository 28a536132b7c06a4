libgateway_a_SOURCES += \
	src/gateway/incoming_decrypt.cc src/gateway/outgoing_encrypt.cc \
	src/gateway/recipient_certificates.cc src/gateway/recipient_certificates.h \
	src/gateway/header_protection.cc src/gateway/header_protection.h \
	src/gateway/onto.cc src/gateway/onto.h \
	src/gateway/split.cc src/gateway/split.h \
	src/gateway/already_signed.cc \
	src/gateway/arrival.cc src/gateway/arrival.h \
	src/gateway/authentication_results.cc src/gateway/authentication_results.h \
	src/gateway/incoming.cc src/gateway/outgoing.cc \
	src/gateway/lesson.cc \
	src/gateway/marks.cc src/gateway/marks.h \
	src/gateway/message.cc src/gateway/message.h \
	src/gateway/outcome.cc src/gateway/outcome.h \
	src/gateway/process.cc src/gateway/process.h \
	src/gateway/reencapsulate.cc src/gateway/reencapsulate.h \
	src/gateway/restore.cc src/gateway/restore.h \
	src/gateway/revocation.cc \
	src/gateway/rewrite.cc src/gateway/rewrite.h \
	src/gateway/sign.cc src/gateway/sign.h \
	src/gateway/case.cc src/gateway/case.h \
	src/gateway/decrypt.cc src/gateway/decrypt.h \
	src/gateway/failure_limit.cc src/gateway/failure_limit.h \
	src/gateway/encrypt.cc src/gateway/encrypt.h \
	src/gateway/enclosed.cc src/gateway/enclosed.h \
	src/gateway/entity.cc src/gateway/entity.h \
	src/gateway/exemption.cc \
	src/gateway/identity.cc src/gateway/identity.h \
	src/gateway/snapshot.cc src/gateway/snapshot.h \
	src/gateway/strip.cc src/gateway/strip.h \
	src/gateway/tnef.cc src/gateway/tnef.h \
	src/gateway/tnef_compose.cc src/gateway/tnef_compose.h \
	src/gateway/tnef_same_text.cc src/gateway/tnef_same_text.h \
	src/gateway/verify.cc src/gateway/verify.h

unit_sources += \
	tests/unit/gateway_decrypt_test.cc tests/unit/gateway_oracle_test.cc \
	tests/unit/gateway_split_test.cc \
	tests/unit/gateway_encrypt_test.cc \
	tests/unit/gateway_site.h \
	tests/unit/gateway_lesson_test.cc \
	tests/unit/gateway_reencapsulate_test.cc \
	tests/unit/gateway_results_test.cc \
	tests/unit/gateway_sign_test.cc \
	tests/unit/gateway_snapshot_test.cc \
	tests/unit/gateway_strip_test.cc \
	tests/unit/gateway_tnef_test.cc \
	tests/unit/tnef_support.h \
	tests/unit/gateway_support.h \
	tests/unit/gateway_test.cc \
	tests/unit/gateway_verify_test.cc
