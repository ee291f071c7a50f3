#!/usr/bin/env bash
# Audits locked dependencies, secrets and advisories; see scripts/audit.py. Arguments go there.
set -euo pipefail
cd "$(dirname "$0")/.."

# A tool of its own beside the project, so that the locked environment stays as it is.
tool=.venv-audit/bin/pip-audit
if [ ! -x "$tool" ]; then
    .venv/bin/python -m venv .venv-audit
    .venv-audit/bin/python -m pip install --disable-pip-version-check --quiet 'pip-audit>=2.9,<3' ||
        echo "pip-audit could not be installed." >&2
fi
.venv/bin/python scripts/audit.py --with "$tool" "$@"
