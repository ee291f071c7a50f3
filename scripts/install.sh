#!/usr/bin/env bash
# Sets up .venv with the locked versions and the CPU build of PyTorch. Usage: scripts/install.sh [dev]
# Run again, it does nothing unless the lock or pyproject.toml has changed.
set -euo pipefail
cd "$(dirname "$0")/.."

lock=requirements.lock
[ "${1:-}" = dev ] && lock=requirements-dev.lock
python=${PYTHON:-python3.11}
torch=2.13.0

command -v "$python" >/dev/null || python=python3
"$python" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || {
    echo "Footnote needs Python 3.11 or newer; $python is $("$python" --version). Set PYTHON to one." >&2
    exit 1
}

stamp=.venv/.installed-$lock
# The dev lock holds everything of the other one.
done_before() { [ -f "$1" ] && [ "$1" -nt "${1##*.installed-}" ] && [ "$1" -nt pyproject.toml ]; }
if done_before "$stamp" || done_before .venv/.installed-requirements-dev.lock; then exit 0; fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)

install_torch() {
    .venv/bin/python -c "import torch, sys; sys.exit(torch.__version__.split('+')[0] != '$torch')" 2>/dev/null && return
    if [ "$(uname -s)" != Linux ]; then
        "${pip[@]}" install --no-deps "torch==$torch"
        return
    fi
    # On Linux the plain package brings several GB of CUDA. The CPU build comes from wherever pip is told to
    # look (an index of your own, PIP_FIND_LINKS), else uv knows PyTorch's own index.
    "${pip[@]}" install --no-deps "torch==$torch+cpu" 2>/dev/null && return
    "${pip[@]}" install uv
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --torch-backend cpu "torch==$torch" && return
    echo "The CPU build of PyTorch $torch could not be installed. Make it available to pip, as with" >&2
    echo "PIP_FIND_LINKS=FOLDER for a folder that holds its wheel, and run this again." >&2
    exit 1
}

echo "Setting up .venv (a few minutes and about 1.5 GB the first time) ..." >&2
install_torch
"${pip[@]}" install --no-deps --require-hashes -r "$lock"
"${pip[@]}" install --no-deps --no-build-isolation --editable .
touch "$stamp"
