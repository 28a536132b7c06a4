dnl smime-milter for Sendmail.  In sendmail.mc, before the MAILER lines:
dnl
dnl	include(`/etc/mail/m4/smime-milter.m4')dnl
dnl
dnl Filters are called in the order in which sendmail.mc names them: this one stands
dnl before a DKIM signer, after a DKIM verifier.  Where the daemon listens elsewhere
dnl than below, say so in a line before the include, as in smime-milter.conf:
dnl
dnl	define(`SMIME_MILTER_SOCKET', `local:/run/smime-milter/smime-milter.sock')dnl
dnl
dnl F=T is a requirement: without it mail passes unsigned and unverified while the
dnl daemon is away, and half changed when it dies in the middle of its changes.
dnl
ifdef(`SMIME_MILTER_SOCKET', `dnl', `define(`SMIME_MILTER_SOCKET', `local:/run/smime-milter/smime-milter.sock')dnl')
INPUT_MAIL_FILTER(`smime-milter', `S='SMIME_MILTER_SOCKET`, F=T, T=S:4m;R:4m;E:10m')dnl
