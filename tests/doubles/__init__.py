"""Public stand-ins for what Footnote talks to."""
