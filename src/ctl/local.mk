smimectl_SOURCES = src/ctl/main.cc
smimectl_LDADD = $(gateway_libs)
