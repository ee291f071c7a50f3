"""Requests and responses of the HTTP contract."""
