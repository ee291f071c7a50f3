"""One document format each. Every module has one public function, ``parse(data) -> Parsed``."""
