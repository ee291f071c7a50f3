"""Answers, files and searches in the forms that clients of other interfaces know. The routes are in ``api.routes``."""
