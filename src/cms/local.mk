libgateway_a_SOURCES += \
	src/cms/capabilities.cc src/cms/capabilities.h \
	src/cms/seal.cc src/cms/seal.h \
	src/cms/algorithms.cc src/cms/algorithms.h \
	src/cms/association.cc src/cms/association.h \
	src/cms/certificate.cc src/cms/certificate.h \
	src/cms/certificate_cache.cc src/cms/certificate_cache.h \
	src/cms/certificate_profile.cc src/cms/certificate_profile.h \
	src/cms/certificate_summary.cc src/cms/certificate_summary.h \
	src/cms/container.cc src/cms/container.h \
	src/cms/decrypt.cc src/cms/decrypt.h \
	src/cms/der.cc src/cms/der.h \
	src/cms/der_objects.cc \
	src/cms/encapsulate.cc src/cms/encapsulate.h \
	src/cms/encrypt.cc src/cms/encrypt.h \
	src/cms/enveloped_outline.cc src/cms/enveloped_outline.h \
	src/cms/finding.cc src/cms/finding.h \
	src/cms/forgery.cc src/cms/forgery.h \
	src/cms/inspect.cc src/cms/inspect.h \
	src/cms/key_material.h \
	src/cms/library.cc src/cms/library.h \
	src/cms/openssl.cc src/cms/openssl.h \
	src/cms/ocsp.cc \
	src/cms/outline.cc src/cms/outline.h \
	src/cms/password_scheme.cc \
	src/cms/path_cache.cc src/cms/path_cache.h \
	src/cms/pem.cc \
	src/cms/pkcs12.cc \
	src/cms/private_key.cc src/cms/private_key.h \
	src/cms/revocation.cc src/cms/revocation.h src/cms/revocation_data.h \
	src/cms/digest.cc src/cms/digest.h \
	src/cms/sign.cc src/cms/sign.h \
	src/cms/signature.cc src/cms/signature.h \
	src/cms/signed_data.cc src/cms/signed_data.h \
	src/cms/signed_attributes.cc src/cms/signed_attributes.h \
	src/cms/signer.cc src/cms/signer.h \
	src/cms/test_ca.cc src/cms/test_ca.h \
	src/cms/text.cc src/cms/text.h \
	src/cms/token.cc src/cms/token.h \
	src/cms/trust.cc src/cms/trust.h \
	src/cms/verify.cc src/cms/verify.h \
	src/cms/verify_errors.cc src/cms/verify_errors.h

unit_sources += \
	tests/unit/cms_association_test.cc \
	tests/unit/cms_certificate_test.cc \
	tests/unit/cms_quick_verify_test.cc tests/lib/verdict_text.h \
	tests/unit/cms_container_test.cc \
	tests/unit/cms_encrypt_test.cc \
	tests/unit/cms_fixture.h \
	tests/unit/cms_inspect_test.cc \
	tests/unit/cms_revocation_test.cc \
	tests/unit/cms_sign_test.cc \
	tests/unit/cms_trust_test.cc \
	tests/unit/cms_verify_signer_test.cc \
	tests/unit/cms_verify_test.cc
