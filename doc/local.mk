dist_man_MANS += doc/smime-milter.conf.5 doc/smime-milter.8 doc/smimectl.1
EXTRA_DIST += doc/TROUBLESHOOTING.md doc/UPGRADING.md
