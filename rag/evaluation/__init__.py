"""How good retrieval and answers are on a person's own questions.

It stands in ``rag`` because it measures what ``rag`` does and needs nothing of HTTP; what a person sees of it (the
command, the report, the plots) stands in ``api/evaluation``.
"""
