#!/usr/bin/env bash
# Ingests the sample corpus, asks three questions, and says how to go on.
set -euo pipefail
cd "$(dirname "$0")/.."

footnote=(.venv/bin/footnote)
data=${FOOTNOTE_DEMO_DATA:-.demo-data}

"${footnote[@]}" ingest docs/*.md docs/decisions docs/handbook/*.{md,html,pdf,docx} --collection demo --data "$data"
"${footnote[@]}" ask --collection demo --data "$data" \
    "Why do oily rags go into the steel bin?" \
    "Why was the mobile tool van for Eastquay not bought?" \
    "What is the salary of the director?"
cat <<END

To go on with the page:
    .venv/bin/footnote serve --data $data
and open http://127.0.0.1:8000
END
