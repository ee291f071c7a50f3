"""PDF -> canonical text with headings, tables and pages. ``document`` tells how the parts work together."""

from ingest.parsers.pdf.document import parse

__all__ = ["parse"]
