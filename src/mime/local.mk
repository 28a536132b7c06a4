libgateway_a_SOURCES += \
	src/mime/address.h \
	src/mime/codec.h \
	src/mime/content_type.h \
	src/mime/date.h \
	src/mime/encoded_word.h \
	src/mime/header.h \
	src/mime/structure.h \
	src/mime/transport.h

unit_sources +=
