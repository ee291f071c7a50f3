"""A question to passages, an answer, footnotes and a confidence."""
