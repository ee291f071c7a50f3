"""The clients of others."""
