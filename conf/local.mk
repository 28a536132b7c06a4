EXTRA_DIST += conf/smime-milter.conf conf/conf.d/90-default.conf
