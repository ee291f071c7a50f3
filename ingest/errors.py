"""Why a document could not be ingested.

    IngestError
    +-- ParseError                 this file cannot become text; trying again will not help
    |   +-- EncryptedFile          encrypted_pdf: a password is needed
    |   |   +-- EncryptedContent   encrypted: a key or a password is needed for a mail or a file of an archive
    |   +-- CorruptFile            corrupt_file: damaged beyond what the parser can repair
    |   +-- NoText                 no_text: readable, but it holds no text (a scan, an empty file)
    |   +-- TooLarge               too_large: more bytes, pages or text than the configured ceiling
    |   +-- LimitExceeded          limit_exceeded: the parser ran out of its time or memory
    |   +-- UnsupportedType        unsupported_type: no parser for this kind of file
    |   +-- PageNotFound           page_not_found: the original has no page of that number
    +-- ProgramNeeded              program_needed: inside the parser only, see below
    +-- ParserUnavailable          parser_unavailable: the parser's process cannot run, or is being closed
    +-- VisionUnavailable          vision_unavailable: the file is pictures alone, and no model read them
    |   +-- VisionRefused          the same: what may be spent does not allow it
    +-- EmbedderUnavailable        embedder_unavailable: the model cannot be loaded or differs from its hash

``code`` is what the HTTP contract shows; ``retryable`` says whether the same call can succeed later.
"""

from __future__ import annotations


class IngestError(Exception):
    """Base of everything that this package raises on purpose."""

    code = "ingest_error"
    retryable = False


class ParseError(IngestError):
    """This file cannot become text. The message says why and what its owner can do."""

    code = "parse_error"


class EncryptedFile(ParseError):
    """A password is needed to read the file."""

    code = "encrypted_pdf"


class EncryptedContent(EncryptedFile):
    """A message, or a file of an archive, can be read only with a key or a password."""

    code = "encrypted"


class CorruptFile(ParseError):
    """The file is damaged beyond what its parser repairs, or is not what it claims to be."""

    code = "corrupt_file"


class NoText(ParseError):
    """The file can be read and holds no text, as a scanned page or an empty file."""

    code = "no_text"


class TooLarge(ParseError):
    """The file has more bytes, pages or text than the configured ceiling."""

    code = "too_large"


class LimitExceeded(ParseError):
    """The parser was stopped because it ran out of its time or its memory."""

    code = "limit_exceeded"


class UnsupportedType(ParseError):
    """There is no parser for this kind of file."""

    code = "unsupported_type"


class PageNotFound(ParseError):
    """The original has no page of the number that was asked for."""

    code = "page_not_found"


class ProgramNeeded(IngestError):
    """The file is a scan, and this child may start no program; ``Parser`` gives the file to one that may."""

    code = "program_needed"


class ParserUnavailable(IngestError):
    """The parser's process cannot run, or was closed while it read; nothing is known about the file."""

    code = "parser_unavailable"
    retryable = True


class VisionUnavailable(IngestError):
    """The model that reads pictures cannot be asked, or gave nothing that can be used."""

    code = "vision_unavailable"
    retryable = True


class VisionRefused(VisionUnavailable):
    """What may be spent on reading pictures does not allow another."""


class EmbedderUnavailable(IngestError):
    """The embedding model cannot be loaded, or its file is not the one that was expected."""

    code = "embedder_unavailable"
    retryable = True
