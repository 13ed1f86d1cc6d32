#!/bin/sh
# Make the virtual environment named by $1; on Debian install python3-venv if that is what is missing.
set -eu
venv=$1
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "nhicard needs Python 3.11 or newer; $("$python" --version) was found." >&2
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "==> python3-venv is missing; installing it"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    else
        echo "This Python has no venv module. On Debian: sudo apt-get install python3-venv, then run make again." >&2
        exit 1
    fi
fi
"$python" -m venv --clear "$venv"
