"""XML from strangers: parsed without entities and network, told apart by local names.

Local names, because each format has two or more namespaces for the same elements (the strict and the
transitional dialect of ECMA-376, versions of OpenDocument).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = f"lxml-{etree.__version__}"
SyntaxProblem: type[Exception] = etree.XMLSyntaxError


def parse_xml(content: bytes) -> etree._Element:
    """The root of a document.

    Args:
        content: A whole part, already under a ceiling.

    Raises:
        lxml.etree.XMLSyntaxError: It is no well-formed XML, or nested deeper than libxml2's 256 levels.
    """
    # Entities stay unresolved, and nothing is loaded from anywhere.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(content, parser)


def stream_xml(part: object, *names: str) -> Iterator[etree._Element]:
    """Elements of some local names as they end; each is emptied once the caller has moved on.

    Args:
        part: A file object.
        names: Local names.

    Raises:
        lxml.etree.XMLSyntaxError: As for ``parse_xml``.
    """
    tags = [f"{{*}}{name}" for name in names]
    events = etree.iterparse(
        part, tag=tags, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    for _, element in events:
        yield element
        element.clear()
        # The emptied elements themselves would still fill the memory.
        while element.getprevious() is not None and element.getparent() is not None:
            del element.getparent()[0]


def name_of(node: etree._Element) -> str:
    """An element's local name; an empty string for comments and processing instructions."""
    # Those have a function for a tag.
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def child_of(node: etree._Element | None, *path: str) -> etree._Element | None:
    """The first child of a name, or the first such child of that one, and so on; None when there is none."""
    for name in path:
        if node is None:
            return None
        node = next((child for child in node if name_of(child) == name), None)
    return node


def children_of(node: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """All children of a name, none of None."""
    return iter(()) if node is None else (child for child in node if name_of(child) == name)


def below(node: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """All descendants of a name in document order, none of None."""
    return iter(()) if node is None else (found for found in node.iter(f"{{*}}{name}"))


def value_of(node: etree._Element | None, attribute: str) -> str:
    """An attribute by its local name; an empty string when it, or the element, is missing."""
    if node is None:
        return ""
    return next((str(v) for k, v in node.attrib.items() if str(k).rpartition("}")[2] == attribute), "")


def link_of(node: etree._Element | None, attribute: str = "id") -> str:
    """The relation that an element names: an attribute with a namespace, beside plain ones called alike."""
    if node is None:
        return ""
    return next((str(v) for k, v in node.attrib.items() if str(k).endswith("}" + attribute)), "")
