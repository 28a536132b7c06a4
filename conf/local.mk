EXTRA_DIST += conf/smime-milter.conf conf/conf.d/90-default.conf \
	conf/systemd/smime-milter.service.in conf/systemd/smime-milter.sysusers \
	conf/systemd/local-only.conf conf/systemd/credentials.conf

# The configuration belongs to the administrator: what is there already stays,
# and uninstall takes only what is still as it was installed.
milterconfdir = $(sysconfdir)/smime-milter
milter_conf_files = smime-milter.conf conf.d/90-default.conf

install-data-local: install-milter-conf install-milter-sysusers
uninstall-local: uninstall-milter-conf uninstall-milter-sysusers
.PHONY: install-milter-conf uninstall-milter-conf install-milter-sysusers uninstall-milter-sysusers

install-milter-conf:
	@$(MKDIR_P) '$(DESTDIR)$(milterconfdir)/conf.d'
	@for f in $(milter_conf_files); do \
	  to='$(DESTDIR)$(milterconfdir)'/$$f; \
	  if test -e "$$to"; then \
	    echo " keeping $$to"; \
	  else \
	    echo " $(INSTALL_DATA) $(srcdir)/conf/$$f $$to"; \
	    $(INSTALL_DATA) '$(srcdir)'/conf/$$f "$$to" || exit 1; \
	  fi; \
	done

uninstall-milter-conf:
	@for f in $(milter_conf_files); do \
	  to='$(DESTDIR)$(milterconfdir)'/$$f; \
	  if cmp -s '$(srcdir)'/conf/$$f "$$to"; then rm -f "$$to"; \
	  elif test -e "$$to"; then echo " keeping $$to, which was changed"; fi; \
	done
	-@rmdir '$(DESTDIR)$(milterconfdir)/conf.d' '$(DESTDIR)$(milterconfdir)' 2>/dev/null || :

# The unit names the programs where this configuration installs them.
smime-milter.service: $(srcdir)/conf/systemd/smime-milter.service.in Makefile
	$(AM_V_GEN)sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
	  '$(srcdir)/conf/systemd/smime-milter.service.in' >$@.tmp && mv $@.tmp $@
CLEANFILES += smime-milter.service

if SYSTEMD
systemdsystemunit_DATA = smime-milter.service

install-milter-sysusers:
	@$(MKDIR_P) '$(DESTDIR)$(sysusersdir)'
	$(INSTALL_DATA) '$(srcdir)/conf/systemd/smime-milter.sysusers' '$(DESTDIR)$(sysusersdir)/smime-milter.conf'

uninstall-milter-sysusers:
	rm -f '$(DESTDIR)$(sysusersdir)/smime-milter.conf'
else
install-milter-sysusers uninstall-milter-sysusers:
endif
