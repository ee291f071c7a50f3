"""The parts of checking a claim against its sources: facts, alignment, a fitted model and outside judges."""
