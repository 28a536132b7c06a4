dist_man_MANS += doc/smime-milter.conf.5
