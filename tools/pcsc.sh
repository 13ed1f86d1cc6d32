#!/bin/sh
# Card readers: put pyscard into the virtual environment $1, with Debian's PC/SC service and virtual reader.
# Nothing else needs them, so what cannot be installed is said and left out; the tests that need it skip, visibly.
set -eu
venv=$1
packages="pcscd vsmartcard-vpcd libpcsclite-dev gcc"

missing=""
for package in $packages; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "==> Card readers: installing$missing"
        # shellcheck disable=SC2086  # a list of package names
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 || true
    fi
fi
if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/pcsc.txt 2>"$venv/pcsc.log"; then
    rm -f "$venv/pcsc.log"
else
    echo "==> Card readers left out: pyscard could not be built (see $venv/pcsc.log)."
    echo "    On Debian: sudo apt-get install $packages, then run sh tools/pcsc.sh $venv"
fi
