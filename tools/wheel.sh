#!/usr/bin/env bash
# Build the wheel, install it with pip into a clean environment, and use it outside the checkout.
#
#   tools/wheel.sh [FOLDER]      FOLDER (default: dist) gets the wheel
#
# The dependencies are downloaded as requirements/runtime.txt pins them; OFFLINE=1 borrows those of .venv instead.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
mkdir -p "${1:-dist}"
folder=$(cd "${1:-dist}" && pwd)
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
step() { printf '\n==> %s\n' "$*"; }

step "Building"
.venv/bin/python -m hatchling build --target wheel --directory "$folder"
version=$(.venv/bin/python -c 'import nhicard; print(nhicard.__version__)')
wheel=$folder/nhicard-$version-py3-none-any.whl

step "Installing into a clean environment"
.venv/bin/python -m venv "$outside/venv"
if [ "${OFFLINE:-0}" = 1 ]; then
    # a plain line of a .pth file shows the packages without the checkout's own editable installation
    .venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$("$outside/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/borrowed.pth"
else
    "$outside/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$checkout/requirements/runtime.txt"
fi
"$outside/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$wheel"
nhicard=$outside/venv/bin/nhicard
cd "$outside"
unset PYTHONPATH DATABASE_URL NHICARD_INSURER_HOME

step "nhicard --version"
[ "$("$nhicard" --version)" = "nhicard $version" ]
"$nhicard" --version

step "nhicard check: the official example of edition 1.0"
example=$("$outside/venv/bin/python" -c 'import nhicard, pathlib; print(pathlib.Path(nhicard.__file__).parent / "synthetic/data/examples10/annex4_all.xml")')
case $example in "$outside"/*) ;; *) echo "not the installed package: $example" >&2; exit 1 ;; esac
"$nhicard" check "$example" --as-of 2002-07-02T12:00 --show 2 || [ $? -eq 1 ] # 1: something was rejected

step "nhicard demo --visits 1200"
DEMO_EXIT=1 "$nhicard" demo --folder "$outside/week" --visits 1200 >"$outside/demo.log" 2>&1 || { cat "$outside/demo.log" >&2; exit 1; }
tail -n 1 "$outside/demo.log"

step "nhicard doctor on what the demo left"
"$nhicard" doctor --home "$outside/week/insurer" || [ $? -eq 1 ] # 1: the demo's worker has ended

step "$wheel works outside the checkout"
