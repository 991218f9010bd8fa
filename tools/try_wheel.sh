#!/bin/sh
# Installs a wheel into an empty environment, with no index and no Rust in sight, and runs the first
# program of the README with it.
#
#     tools/try_wheel.sh /usr/bin/python3.11 dist
set -eu
python=$1
wheels=$2

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$python" -m venv "$directory/venv"
"$directory/venv/bin/python" -m pip --disable-pip-version-check --quiet \
    install --no-index --find-links "$wheels" pipecat-rs
awk '/^```python/ { inside = 1; next } /^```/ { if (inside) exit } inside' README.md \
    > "$directory/first_bot.py"
cd "$directory"
said=$(env -i PATH= "$directory/venv/bin/python" -W error first_bot.py)
if [ -z "$said" ]; then
    echo "$python: the first bot of the README says nothing" >&2
    exit 1
fi
echo "$("$python" --version): the wheel installs, and the first bot says: $said"
