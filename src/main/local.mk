smime_milter_SOURCES += src/main/daemon.cc
smime_milter_LDADD = $(gateway_libs) $(MILTER_LIBS)
