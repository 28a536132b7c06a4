libgateway_a_SOURCES += \
	src/store/address.cc \
	src/store/answer_cache.cc src/store/answer_cache.h \
	src/store/certificate_check.cc src/store/certificate_check.h \
	src/store/certificate_lint.cc src/store/certificate_lint.h \
	src/store/certificate_store.cc src/store/certificate_store.h \
	src/store/connect.cc src/store/connect.h \
	src/store/directory_store.cc src/store/directory_store.h \
	src/store/dns.cc src/store/dns.h \
	src/store/domain_turns.cc src/store/domain_turns.h \
	src/store/environment.cc src/store/environment.h \
	src/store/expiry.cc src/store/expiry.h \
	src/store/harvest.cc src/store/harvest.h src/store/harvester.cc src/store/harvester.h \
	src/store/http.cc src/store/http.h src/store/libcurl.h \
	src/store/key_cache.cc src/store/key_cache.h \
	src/store/key_index.cc src/store/key_index.h \
	src/store/key_loader.cc src/store/key_loader.h src/store/key_pairing.cc \
	src/store/key_store.cc src/store/key_store.h \
	src/store/ldap.cc src/store/ldap.h \
	src/store/ldap_connection.cc src/store/ldap_connection.h \
	src/store/ldap_filter.cc src/store/ldap_filter.h \
	src/store/password.cc \
	src/store/postgresql.cc src/store/postgresql.h \
	src/store/postgresql_connection.cc src/store/postgresql_connection.h \
	src/store/questions.h \
	src/store/revocation_fetcher.cc src/store/revocation_fetcher.h \
	src/store/smimea.cc src/store/smimea.h \
	src/store/smtp.cc src/store/smtp.h \
	src/store/source.cc src/store/source.h src/store/source_kinds.cc \
	src/store/sources.cc src/store/sources.h \
	src/store/source_check.cc src/store/source_check.h \
	src/store/source_health.cc src/store/source_health.h \
	src/store/sqlite_database.cc src/store/sqlite_database.h \
	src/store/sqlite_store.cc src/store/sqlite_store.h \
	src/store/timed_cache.h \
	src/store/trust_store.cc src/store/trust_store.h \
	src/store/writers.cc src/store/writers.h

unit_sources += \
	tests/unit/store_certificate_check_test.cc \
	tests/unit/loopback_server.h \
	tests/unit/store_contract.h \
	tests/unit/store_contract_test.cc \
	tests/unit/store_expiry_test.cc \
	tests/unit/store_fixture.h \
	tests/unit/store_harvest_test.cc \
	tests/unit/store_key_store_test.cc \
	tests/unit/store_questions_test.cc \
	tests/unit/store_remote_test.cc \
	tests/unit/store_revocation_test.cc \
	tests/unit/store_smtp_test.cc \
	tests/unit/store_sources_test.cc \
	tests/unit/store_sqlite_test.cc \
	tests/unit/store_trust_store_test.cc
