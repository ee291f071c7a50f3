#!/usr/bin/env bash
# Runs tests/proxy against a real LiteLLM proxy with mock models, in an environment of its own (about 500 MB).
set -euo pipefail
cd "$(dirname "$0")/.."

home=${FOOTNOTE_LITELLM:-.venv-litellm}
if [ ! -x "$home/bin/litellm" ]; then
    .venv/bin/python -m venv "$home"
    "$home/bin/pip" install --disable-pip-version-check --quiet 'litellm[proxy]>=1.80,<2'
fi
FOOTNOTE_LITELLM_COMMAND="$(cd "$home" && pwd)/bin/litellm" .venv/bin/python -m pytest tests/proxy "$@"
