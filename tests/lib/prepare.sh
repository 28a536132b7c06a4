# What the demos in contrib and tests/run do before their work: install what is
# missing, copy the tree, build it.  Sourced by bash; needs `top`, the root of
# the tree.  Nothing in the tree itself is written but one directory build-*/,
# which git ignores.

packages_build="g++ make autoconf automake pkg-config libmilter-dev libssl-dev libmimetic-dev libinih-dev
	libfmt-dev libcurl4-openssl-dev libidn2-dev libsqlite3-dev libldap-dev libunbound-dev libpq-dev libexpected-dev
	libcli11-dev nlohmann-json3-dev prometheus-cpp-dev"
packages_postfix="openssl python3 postfix sasl2-bin libsasl2-modules"
# What an unpacked Sendmail needs; itself it cannot be installed beside Postfix.
packages_sendmail="openssl python3 m4 sasl2-bin libsasl2-modules libwrap0 libnsl2 libldap-2.5-0 libdb5.3"
# Of these the programs are wanted, no service of the machine: see install_missing.
packages_servers="slapd bind9 postgresql ldap-utils bind9-utils bind9-dnsutils"
packages_tests="libgtest-dev libgmock-dev libbenchmark-dev gpgsm gpg-agent libnss3-tools mandoc opendkim spamassassin spamd
	spamass-milter haproxy softhsm2 libengine-pkcs11-openssl swtpm tpm2-openssl python3-icalendar $packages_servers"
packages_package="build-essential debhelper lintian mmdebstrap strace systemd"
packages_all="clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev xz-utils valgrind libc6-dbg"

# The first libssl3 without the known holes in CMS.
least_libssl=3.0.22-1~deb12u1

say() { printf '%s\n' "$*"; }

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

version_of() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }
is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# The names among "$@" that are not installed, or are libssl3 and too old.
missing_packages() {
	local package
	for package in "$@"; do
		is_installed "$package" || printf '%s ' "$package"
	done
	if dpkg --compare-versions "$(version_of libssl3)" lt "$least_libssl"; then
		printf 'libssl3 openssl '
	fi
}

# Another MTA would be removed by the installation of Postfix.
stop_if_another_mta() {
	is_installed postfix && return
	local other
	other=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
		awk '$1 == "installed" && /mail-transport-agent/ { print $2; exit }')
	[ -z "$other" ] || die "$other is installed as the mail system of this machine, and installing Postfix would
remove it.  Nothing was changed.  Run this in a container or a virtual machine with Debian 12, for example
	docker run --rm -it -v \"$top\":/src -w /src debian:12 ${0#"$top"/}
or, if this machine does not need $other: apt-get install postfix"
}

# A service that comes with a package is not started now, and not at the next boot.
# What was installed before is nothing of ours.
hold_services() {
	held=
	local package
	for package in slapd bind9 postgresql; do
		[[ " $* " != *" $package "* ]] || held="$held $package"
	done
	[ -n "$held" ] || return 0
	echo "slapd slapd/no_configuration boolean true" | debconf-set-selections
	[ -e /usr/sbin/policy-rc.d ] && return
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
	policy=/usr/sbin/policy-rc.d
	trap 'rm -f "$policy"' EXIT
}

release_services() {
	local package
	for package in $held; do
		update-rc.d "${package/bind9/named}" disable >/dev/null 2>&1 || true
	done
	[ -z "${policy-}" ] || rm -f "$policy"
}

# Installs what of "$@" is missing, and says so; never more than once a run.
install_missing() {
	local missing log
	command -v dpkg-query >/dev/null || die "this works on Debian 12 only; elsewhere build by hand, see README.md"
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	[[ " $* " != *" postfix "* ]] || stop_if_another_mta
	say "== installing: $missing"
	[ "$(id -u)" = 0 ] || die "only root can install packages; as root run: apt-get install $missing"
	command -v apt-get >/dev/null || die "apt-get is not there; please install: $missing"
	if [[ " $missing " == *" postfix "* ]]; then
		# Without a configuration Debian does not start it.
		echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
	fi
	# shellcheck disable=SC2086 # a list
	hold_services $missing
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # a list
	if ! { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "apt-get could not install: $missing"
	fi
	rm -f "$log"
	release_services
	missing=$(missing_packages "$@")
	[ -z "$missing" ] || die "still missing or too old after apt-get install: $missing"
}

# The files that make up the tree, NUL between them.
list_tree() {
	# A tree that belongs to somebody else is no danger: nothing of it is run by git.
	if git -c safe.directory="$top" -C "$top" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git -c safe.directory="$top" -C "$top" ls-files -z --cached --others --exclude-standard
	else
		(cd "$top" && find . \( -name .git -o -path './build*' -o -path ./autom4te.cache \) -prune -o \
			\( -type f -o -type l \) ! -name '*.o' ! -name '*.a' ! -path ./configure ! -path ./config.status \
			! -path ./Makefile ! -path ./Makefile.in ! -path ./config.h ! -path ./aclocal.m4 -print0)
	fi
}

# copy_tree DIR: the tree as it is now, times kept, so that make sees what has
# changed since the last copy and nothing else.  A tree that is configured in
# place, or read-only, does not matter then.
copy_tree() {
	local to=$1 name
	mkdir -p "$to"
	list_tree | while IFS= read -r -d '' name; do
		[ ! -e "$top/$name" ] || printf '%s\0' "$name"
	done | LC_ALL=C sort -z >"$to.files.new"
	if [ -f "$to.files" ]; then # what has gone since
		LC_ALL=C comm -z -23 "$to.files" "$to.files.new" | (cd "$to" && xargs -0 -r rm -f --)
	fi
	tar -C "$top" --null --no-recursion -T "$to.files.new" -cf - | tar -C "$to" --no-same-owner -xf -
	mv "$to.files.new" "$to.files"
}

# build SOURCE BUILD LOG CONFIGURE-OPTIONS -- MAKE-TARGETS: out of tree, only
# what has changed.
build() {
	local source=$1 directory=$2 log=$3 options=()
	shift 3
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	mkdir -p "$directory"
	{
		[ -x "$source/configure" ] || (cd "$source" && ./bootstrap)
	} >>"$log" 2>&1 &&
		{
			cd "$directory" || return 1
			[ -f config.status ] && [ "$(cat options 2>/dev/null)" = "${options[*]}" ] ||
				{ "$source/configure" "${options[@]}" && printf '%s\n' "${options[*]}" >options; }
		} >>"$log" 2>&1 &&
		with_progress "$log" make -j"$(nproc)" "$@"
}

# The command's output goes to the log; a dot for each file compiled shows that
# there is life.
with_progress() {
	local log=$1
	shift
	"$@" 2>&1 | tee -a "$log" | awk '
		/^  (CXX|CXXLD|AR) / { printf "."; if (++n % 60 == 0) printf "\n"; fflush() }
		END { if (n) printf "\n" }'
	return "${PIPESTATUS[0]}"
}
