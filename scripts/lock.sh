#!/usr/bin/env bash
# Writes requirements.lock and requirements-dev.lock: the exact versions that are tested together, with hashes.
# PyTorch stays out of them: scripts/install.sh picks its CPU build, which has another hash on each platform.
set -euo pipefail
cd "$(dirname "$0")/.."

# The override takes PyTorch and its CUDA packages out of the resolution; the rest of what PyTorch needs is
# named instead, and so is what an editable install of this project needs.
override=$(mktemp) needs=$(mktemp)
trap 'rm -f "$override" "$needs"' EXIT
echo "torch ; python_version < '3'" >"$override"
printf '%s\n' hatchling editables filelock fsspec jinja2 networkx 'setuptools<85' sympy typing-extensions >"$needs"

compile() {
    .venv/bin/uv pip compile pyproject.toml "$needs" "$@" --quiet --universal --python-version 3.11 \
        --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
        --override "$override" --upgrade
}

.venv/bin/pip install --quiet uv
compile --output-file requirements.lock
# Only the axe-core inside axe-playwright-python is used; what drives browsers for it is not.
compile --extra dev --no-emit-package playwright --no-emit-package pyee --no-emit-package greenlet --output-file requirements-dev.lock
