#!/bin/sh
# The shared libraries that Blender's Python module loads, and Mesa's software OpenGL for headless drawing.
# Installs only what is missing, only where apt and root are at hand; elsewhere it says what to install.
set -eu
[ "$(uname -s)" = Linux ] || exit 0
packages="libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1 libegl1 libegl-mesa0 libgl1-mesa-dri"
command -v dpkg-query >/dev/null 2>&1 || { echo "Blender's Python module needs X11, SM, ICE, xkbcommon, GL and EGL libraries; install them with your package manager."; exit 0; }
missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends $missing
else
    echo "Missing libraries; run: sudo apt-get install$missing"
    exit 1
fi
