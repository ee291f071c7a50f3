"""Properties of whole components over any sequence of steps."""
