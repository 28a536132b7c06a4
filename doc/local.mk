dist_man_MANS += doc/smimectl.1
