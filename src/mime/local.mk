libgateway_a_SOURCES += \
	src/mime/address.cc src/mime/address.h \
	src/mime/ascii_field.cc src/mime/ascii_field.h \
	src/mime/boundary.cc src/mime/boundary.h \
	src/mime/codec.cc src/mime/codec.h \
	src/mime/content_type.cc src/mime/content_type.h \
	src/mime/date.cc src/mime/date.h \
	src/mime/encoded_word.cc src/mime/encoded_word.h \
	src/mime/domain.cc src/mime/domain.h \
	src/mime/header.cc src/mime/header.h \
	src/mime/lexer.cc src/mime/lexer.h \
	src/mime/part_header.cc src/mime/part_header.h \
	src/mime/split_signed.cc \
	src/mime/structure.cc src/mime/structure.h \
	src/mime/tnef.h src/mime/tnef_read.cc src/mime/tnef_calendar.cc \
	src/mime/tnef_charset.cc src/mime/tnef_charset.h \
	src/mime/tnef_meeting.cc src/mime/tnef_meeting.h \
	src/mime/tnef_rtf.cc src/mime/tnef_rtf.h src/mime/tnef_rtf_decompress.cc \
	src/mime/tnef_rtf_tokens.cc src/mime/tnef_rtf_tokens.h \
	src/mime/tnef_stream.cc src/mime/tnef_stream.h src/mime/tnef_words.cc src/mime/tnef_words.h \
	src/mime/transform.cc src/mime/transform.h \
	src/mime/transport.cc src/mime/transport.h \
	src/mime/utf8.cc src/mime/utf8.h

unit_sources += \
	tests/unit/mime_address_test.cc \
	tests/unit/mime_codec_test.cc \
	tests/unit/mime_content_type_test.cc \
	tests/unit/mime_header_test.cc \
	tests/unit/mime_signed_test.cc \
	tests/unit/mime_structure_test.cc \
	tests/unit/mime_text_test.cc \
	tests/unit/mime_tnef_rtf_test.cc \
	tests/unit/mime_tnef_test.cc \
	tests/unit/mime_transform_property_test.cc \
	tests/unit/mime_transform_test.cc \
	tests/unit/mime_transport_test.cc
