#!/bin/sh
# Looks at the HTML reports, the statement, the matrix and the device's phone page in Chromium and saves pictures into the folder given.
# Installs Chromium and npm from Debian and axe-core from npm where they are missing.
set -eu
screens=${1:-out/screens}
axe_version=4.14.1
mkdir -p "$screens"
screens=$(cd "$screens" && pwd)

if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
  echo "browser: installing chromium" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >&2
fi

tools=${XDG_CACHE_HOME:-$HOME/.cache}/cibatest/axe-core-$axe_version
axe=$tools/node_modules/axe-core/axe.min.js
if [ ! -f "$axe" ]; then
  if ! command -v npm >/dev/null; then
    echo "browser: installing npm" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >&2
  fi
  echo "browser: installing axe-core $axe_version" >&2
  npm install --silent --no-audit --no-fund --prefix "$tools" "axe-core@$axe_version" >&2
fi

# CIBATEST_RUN may name a run.json and CIBATEST_LOAD a load.json to look at besides the samples.
if [ -n "${CIBATEST_RUN:-}" ]; then
  CIBATEST_RUN=$(realpath "$CIBATEST_RUN")
  export CIBATEST_RUN
fi
if [ -n "${CIBATEST_LOAD:-}" ]; then
  CIBATEST_LOAD=$(realpath "$CIBATEST_LOAD")
  export CIBATEST_LOAD
fi

cd "$(dirname "$0")/.."
CIBATEST_AXE=$axe CIBATEST_SCREENS=$screens \
  ${GO:-go} test -tags browser -run TestBrowser -count=1 -timeout 10m . ../mockdevice
echo "browser: pictures are in $screens" >&2
