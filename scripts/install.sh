#!/usr/bin/env bash
# Creates .venv with the pinned dependencies and Armchair itself (editable). Called by make.
# PYTHON=/path/to/python3.11 chooses the interpreter; SYSTEM_PACKAGES=skip leaves the system alone.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "armchair: $*" >&2; }

supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3 python}; do
        if supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    say "needs Python 3.11 or 3.12 and found $("${PYTHON:-python3}" --version 2>&1 || echo none);" \
        "install one, or name it: make PYTHON=/path/to/python3.11 …"
    return 1
}

has_library() { { ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null | grep -qF "$1"; }

# Prints the Debian names of what is missing, asked by what they provide: names differ by release.
missing_packages() {
    local python=$1 suffix=3
    cmp -s <("$python" --version) <(/usr/bin/python3 --version 2>/dev/null) ||
        suffix=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$python" -c 'import ensurepip' 2>/dev/null || echo "python$suffix-venv"
    [ -f "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
        echo "python$suffix-dev"
    command -v gcc >/dev/null || echo gcc libc6-dev
    has_library libEGL.so.1 || echo libegl1
    has_library libGL.so.1 || echo libgl1
    has_library libgthread-2.0.so.0 || echo libglib2.0-0
    has_library libOSMesa.so || echo libosmesa6 # drawing in software, where EGL is missing
}

install_system_packages() {
    [ "$(uname -s)" = Linux ] && [ "${SYSTEM_PACKAGES:-}" != skip ] || return 0
    local missing
    missing=$(missing_packages "$1" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        local needed=${missing/libosmesa6 /}
        if [ -n "$needed" ]; then
            say "system packages are missing; run: sudo apt-get install -y $needed"
            say "or go on without them: make SYSTEM_PACKAGES=skip …"
            return 1
        fi
        return 0
    fi
    apt-get update -qq || true
    # Newer releases no longer have OSMesa.
    apt-cache show libosmesa6 >/dev/null 2>&1 || missing=${missing/libosmesa6 /}
    [ -n "$missing" ] || return 0
    say "installing system packages: $missing"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing >/dev/null </dev/null
}

python=$(find_python)
install_system_packages "$python"
if ! supported .venv/bin/python; then
    say "creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
say "installing the pinned dependencies into .venv (some minutes and gigabytes the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable '.[dev]'
touch .venv/.armchair-installed
say "ready"
