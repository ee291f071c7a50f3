#!/usr/bin/env bash
# Everything that must hold before a change lands. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/lint.sh
.venv/bin/python -m pytest "$@"
