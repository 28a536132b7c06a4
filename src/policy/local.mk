libgateway_a_SOURCES += \
	src/policy/encryption.cc src/policy/encryption.h \
	src/policy/authority.cc \
	src/policy/config.cc src/policy/config.h \
	src/policy/config_parse.cc src/policy/config_parse.h \
	src/policy/decide.cc src/policy/decide.h \
	src/policy/facts.h \
	src/policy/ini.cc src/policy/ini.h \
	src/policy/match.cc src/policy/match.h \
	src/policy/network.cc src/policy/network.h \
	src/policy/plan.cc src/policy/plan.h \
	src/policy/rule_check.cc \
	src/policy/rule_index.cc src/policy/rule_index.h \
	src/policy/rule_parse.cc src/policy/rule_parse.h \
	src/policy/schema.cc src/policy/schema.h \
	src/policy/section.cc src/policy/section.h \
	src/policy/sender_login.cc src/policy/sender_login.h \
	src/policy/shadow.cc \
	src/policy/socket_address.cc \
	src/policy/source_parse.cc src/policy/source_parse.h \
	src/policy/value.cc src/policy/value.h

unit_sources += \
	tests/unit/policy_authority_test.cc \
	tests/unit/policy_config_test.cc \
	tests/unit/policy_decide_test.cc \
	tests/unit/policy_ini_test.cc \
	tests/unit/policy_network_test.cc \
	tests/unit/policy_plan_test.cc \
	tests/unit/policy_rule_index_test.cc \
	tests/unit/policy_rule_test.cc \
	tests/unit/policy_sender_login_test.cc \
	tests/unit/policy_shadow_test.cc
