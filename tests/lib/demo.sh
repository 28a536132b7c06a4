# What the two demonstrations, contrib/postfix/demo and contrib/sendmail/demo, have in
# common: install, build, send mail.  Sourced by bash; needs `top`, the root of the tree,
# `mta`, "postfix" or "sendmail", and as arguments those of the demonstration.
. "$top/tests/lib/prepare.sh"

keep=
case "${1-}" in
	'') ;;
	--keep) keep=--keep ;;
	-h | --help)
		sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*)
		say "usage: contrib/$mta/demo [--keep]" >&2
		exit 64
		;;
esac
[ "$(id -u)" = 0 ] || die "${mta^} can only be started by root: sudo contrib/$mta/demo"
packages=packages_$mta
[ "$mta" != postfix ] || stop_if_another_mta
# shellcheck disable=SC2086 # lists
install_missing $packages_build ${!packages}

temporary=
trap '[ -z "$temporary" ] || rm -rf "$temporary"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
work=$top/build-demo
if ! mkdir -p "$work" 2>/dev/null || ! [ -w "$work" ]; then
	temporary=$(mktemp -d) || exit 1
	work=$temporary
fi

say "== building in $work (log: $work/log)"
exec 9>"$work/lock"
flock -n 9 || { say "   another demo is building there, waiting for it" && flock 9; }
: >"$work/log"
if ! copy_tree "$work/source" ||
	! build "$work/source" "$work/build" "$work/log" CXXFLAGS=-O1 -- smime-milter smimectl; then
	tail -n 30 "$work/log" >&2
	die "the build has failed"
fi
exec 9>&-

# It cleans up after itself, whatever signal ends it.
exec python3 "$top/contrib/postfix/scenario.py" $keep ${temporary:+--remove "$temporary"} "$mta" "$work/build"
