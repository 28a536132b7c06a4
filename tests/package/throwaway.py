"""A bare Debian below a directory, thrown away in the end.  What runs in it has
namespaces of its own: no process outlives its command, and the machine's mounts
and, where nothing has to be fetched, its network are not touched.

    with Root(directory, base) as root:
        root.run("apt-get", "update", network=True)

The packages come from where this machine's apt takes Debian's."""
import glob
import os
import shutil
import subprocess

PATIENCE = 1800

# Prepares the namespaces, then becomes the command.  $1 is the root.
INSIDE = r"""
root=$1; shift
set -e
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
	: >"$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
if [ -n "$LOOPBACK" ]; then
	python3 -c 'import fcntl, socket, struct
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x41))  # SIOCSIFFLAGS: up and running
'
fi
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
	DEBIAN_FRONTEND=noninteractive TZ="${INSIDE_TZ:-UTC}" sh -c 'umask "$0"; exec "$@"' "${INSIDE_UMASK:-022}" "$@"
"""


class Failed(AssertionError):
    pass


def sources():
    """deb lines for this release of Debian, as this machine's apt has them."""
    with open("/etc/os-release", encoding="utf-8") as f:
        release = dict(line.strip().split("=", 1) for line in f if "=" in line)
    codename = release["VERSION_CODENAME"].strip('"')
    wanted = "$(CREATED_BY)|$(ORIGIN)|$(TRUSTED)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    listed = subprocess.run(["apt-get", "indextargets", "--format", wanted], capture_output=True, text=True, check=True,
                            timeout=60).stdout
    lines = []
    for line in listed.splitlines():
        created_by, origin, trusted, uri, name, component = line.split("|")
        if created_by == "Packages" and origin == "Debian" and name.split("-")[0] == codename:
            lines.append(f"deb {'[trusted=yes] ' if trusted == 'yes' else ''}{uri} {name} {component}")
    if not lines:
        raise Failed("apt knows no Debian archive here: run apt-get update")
    return codename, lines


def apt_options():
    """How this machine's apt reaches the archive: proxies, dates."""
    listed = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True, timeout=60).stdout
    return [line.rstrip(";") for line in listed.splitlines()
            if line.startswith(("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries"))
            and not line.endswith('"";')]


def make_base(tar):
    """A bare Debian with apt, as an archive from which roots are made."""
    codename, lines = sources()
    listing = tar + ".list"
    with open(listing, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    done = subprocess.run(["mmdebstrap", "--variant=apt", *(f"--aptopt={option}" for option in apt_options()), codename,
                           tar + ".new", listing, "--format=tar"], capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    if done.returncode != 0:
        raise Failed(f"mmdebstrap: {done.stderr[-3000:]}")
    os.rename(tar + ".new", tar)


class Root:
    def __init__(self, directory, base):
        self.directory = directory
        os.makedirs(directory)
        os.chmod(directory, 0o755)
        subprocess.run(["tar", "-C", directory, "-xf", base, "--exclude=./dev/*"], check=True, timeout=PATIENCE)
        # Nothing starts by itself; what is to run the tests start.
        self.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        for name in ("etc/resolv.conf", "etc/hosts"):
            if os.path.exists("/" + name):
                shutil.copy("/" + name, self.path(name))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name.lstrip("/"))

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def copy(self, source, name):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        shutil.copy(source, self.path(name))

    def glob(self, pattern):
        return sorted(glob.glob(self.path(pattern)))

    def run(self, *words, network=False, check=True, zone="UTC", umask="022", seconds=PATIENCE):
        """What it has printed; without `network` it has a loopback of its own."""
        unshared = ["--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts"] + ([] if network else ["--net"])
        done = subprocess.run(["unshare", *unshared, "sh", "-c", INSIDE, "sh", self.directory, *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
                              env={"PATH": os.environ["PATH"], "LOOPBACK": "" if network else "yes", "INSIDE_TZ": zone,
                                   "INSIDE_UMASK": umask}, check=False)
        text = done.stdout.decode("utf-8", "replace")
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(words)}: status {done.returncode}\n{text[-5000:]}")
        return text

    def shell(self, script, **keywords):
        return self.run("sh", "-ec", script, **keywords)

    def install(self, *names):
        """Files of the root (/x.deb) or packages, without what is only recommended."""
        return self.run("apt-get", "install", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold",
                        *names, network=True)

    def owner_and_mode(self, name):
        return self.run("stat", "-c", "%a %U:%G", name).strip()
