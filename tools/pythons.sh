#!/bin/sh
# Prints the CPython interpreters to build for: the first one that works of each minor version
# from 3.11 to 3.13, on the path or among pyenv's, oldest first. With --first only the first.
#
# A candidate is run before it is believed: pyenv's shims exist for versions that are not active,
# and a distribution's Python may come without `venv`.
set -eu

executable() {
    "$1" -c '
import sys, sysconfig
import ensurepip, venv
if sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    if "%d.%d" % sys.version_info[:2] == sys.argv[1]:
        print(sys.executable)' "$2" 2>/dev/null || true
}

for minor in 11 12 13; do
    version="3.$minor"
    for candidate in \
        "$(command -v "python$version" || true)" \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python \
        "/usr/local/bin/python$version" \
        "/usr/bin/python$version"
    do
        [ -n "$candidate" ] && [ -x "$candidate" ] || continue
        found=$(executable "$candidate" "$version")
        [ -n "$found" ] || continue
        echo "$found"
        [ "${1:-}" = --first ] && exit 0
        break
    done
done
