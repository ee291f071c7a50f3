"""The ``footnote eval`` commands: what a person gives, sees and keeps.

What is measured, and how, stands in ``rag/evaluation``.
"""
