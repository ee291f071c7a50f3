"""Fits and measures the verifier on public sets of claims, and on true claims that were made false."""
