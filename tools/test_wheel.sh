#!/bin/sh
# Runs the tests on an installed wheel, in an environment of its own for each Python: .venv-3.X
#
#     tools/test_wheel.sh /usr/bin/python3.11 dist [pytest arguments]
set -eu
python=$1
wheels=$2
shift 2

venv=.venv-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
pip="$venv/bin/python -m pip --disable-pip-version-check --quiet"
$pip install "pip>=25.1,<27"
# The wheel has the same version after each change, so it is always put in anew.
$pip install --find-links "$wheels" --group dev "pipecat-rs[local]"
$pip install --force-reinstall --no-deps --no-index --find-links "$wheels" pipecat-rs
"$venv/bin/python" tools/smart_turn_model.py
"$venv/bin/python" -m pytest "$@"
