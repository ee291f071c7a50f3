"""What was typed onto a page: free text notes and the values of form fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pypdf.generic import DictionaryObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pypdf

# Annotation flags (ISO 32000-2, table 167): hidden, and not shown on a screen.
_NOT_SHOWN = 0b100010
# Field flag (table 228): what is typed there is a password.
_PASSWORD_FIELD = 1 << 13


def typed(reader: pypdf.PdfReader, index: int) -> list[str]:
    """Notes and values on a page, in the order of the file; nothing from damaged ones.

    Args:
        reader: pypdf's.
        index: Of the page, from 0.
    """
    try:
        return list(_typed(reader.pages[index]))
    except MemoryError:
        raise
    except Exception:
        # Damaged annotations cost what was typed, never the page.
        return []


def _typed(page: pypdf.PageObject) -> Iterator[str]:
    for reference in page.annotations or ():
        annotation = reference.get_object()
        if not isinstance(annotation, DictionaryObject) or int(annotation.get("/F", 0)) & _NOT_SHOWN:
            continue
        if annotation.get("/Subtype") == "/FreeText":
            value = annotation.get("/Contents")
        elif annotation.get("/Subtype") == "/Widget":
            kind = annotation.get_inherited("/FT")
            if kind not in {"/Tx", "/Ch"} or int(annotation.get_inherited("/Ff", 0)) & _PASSWORD_FIELD:
                continue
            value = annotation.get_inherited("/V")
        else:
            continue
        if isinstance(value, str) and value.strip():
            yield value.strip()
