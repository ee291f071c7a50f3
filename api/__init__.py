"""HTTP, command line and web page. The only package that knows the web framework."""

# A collection is named in addresses and model names, so it keeps to characters that are safe in both.
COLLECTION_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
