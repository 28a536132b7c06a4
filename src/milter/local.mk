smime_milter_SOURCES =
