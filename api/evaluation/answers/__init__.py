"""``footnote eval answers``: questions are asked as a reader asks them, and the answers judged."""
