EXTRA_DIST += conf/smime-milter.conf conf/conf.d/90-default.conf

# The configuration belongs to the administrator: what is there already stays,
# and uninstall takes only what is still as it was installed.
milterconfdir = $(sysconfdir)/smime-milter
milter_conf_files = smime-milter.conf conf.d/90-default.conf

install-data-local: install-milter-conf
uninstall-local: uninstall-milter-conf
.PHONY: install-milter-conf uninstall-milter-conf

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
