#!/bin/sh
# The browser that the page tests drive: Debian's Chromium without a window, with a font for Chinese. Needs root once;
# without it the page tests say that they were skipped.
set -eu

command -v chromium-headless-shell >/dev/null 2>&1 && exit 0
command -v chromium >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "==> Installing Chromium for the page tests"
    export DEBIAN_FRONTEND=noninteractive
    install() { apt-get install -y -qq --no-install-recommends "$@" fonts-noto-cjk; }
    if ! { apt-get update -qq && { install chromium-headless-shell || install chromium; }; } >/dev/null 2>&1; then
        echo "==> Chromium could not be installed: page tests will be skipped" >&2
    fi
else
    echo "==> No Chromium and no root: page tests will be skipped" >&2
fi
