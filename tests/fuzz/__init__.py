"""Schemathesis over the OpenAPI document, with keys of two tenants: ``python -m tests.fuzz --seconds 600``."""
