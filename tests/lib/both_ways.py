"""The quick verdict and the plain one: tests/quick-and-plain, which `make check` builds."""
import os
import subprocess

PATIENCE = 60


def program(build):
    path = os.path.join(os.path.abspath(build), "tests", "quick-and-plain")
    if not os.access(path, os.X_OK):
        raise SystemExit(f"{path} is not there; make check builds it")
    return path


def must_agree(path, message, *options):
    """`options` are those of smimectl verify."""
    done = subprocess.run([path, "compare", *options, "-"], input=message, capture_output=True, timeout=PATIENCE, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        raise AssertionError(f"the quick verdict is not the plain one: exit {done.returncode}: {said[:3000]}")
