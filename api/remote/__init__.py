"""Fetching a document from a web address, without being made to reach where the client could not."""
