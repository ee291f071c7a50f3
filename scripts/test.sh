#!/usr/bin/env bash
# Everything that must hold before a change lands. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/lint.sh
# Files go to as many processes as there are processors, up to four: each starts services of its own.
.venv/bin/python -m pytest -n logical --maxprocesses 4 --dist loadfile "$@"
