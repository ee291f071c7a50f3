"""How much of the right text is found, over ten public sets, beside a plain hybrid on the same text.

    python -m benchmarks.retrieval DATA [--sets chroma,qmsum] [--ablations]

Retrieval runs in this process, through the same functions as ``/v1/search``.
"""
