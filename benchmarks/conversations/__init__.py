"""Follow-up questions: how much of what the full question finds is found for the follow-up, rewritten without a model.

No set of the evaluation data holds conversations over its documents, so turns are composed from standalone questions
by the rules of ``compose.py``, never by hand. Half of the sets was looked at while the rewriting was written ("train"),
the other half was not ("test"): other articles, and other pages. Besides the forms of a follow-up there are two that
must not be changed: a question on another subject, and one on the same subject that says everything itself.
"""
