"""How a message reads as a document, whatever format it was stored in."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.errors import ParseError
from ingest.parsers.text import clean
from ingest.types import Parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.parsers.builder import TextBuilder

    # Reads an attachment as a file of its own, or raises ParseError.
    ReadPart = Callable[[bytes, str], Parsed]

# More attachments than this are only named.
_MAX_READ = 100
# A plain part shorter than this, beside a page that says much more, only says that there is a page.
_STUB_CHARS = 200
_STUB_SHARE = 4
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message.

    Attributes:
        name: As the sender called it, or a name made for one without.
        data: Its bytes.
        shown: Whether the body refers to it as part of itself, as to an image.
    """

    name: str
    data: bytes
    shown: bool = False


@dataclass(slots=True)
class Message:
    """A message, read.

    Attributes:
        subject: On one line, or empty.
        headers: Names and values to show, in order, each on one line.
        body: What its sender wrote.
        attachments: In order.
        forwarded: Messages inside this one.
        rich: The body as Rich Text, where there is no other.
    """

    subject: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: list[Parsed] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    forwarded: list[Message] = field(default_factory=list)
    rich: bytes = b""

    def header(self, name: str, value: str) -> None:
        """Add a header, unless it is empty."""
        if line := one_line(value):
            self.headers.append((name, line))


def one_line(value: str) -> str:
    """A header's value without line ends and control characters."""
    return " ".join(_CONTROLS.sub(" ", clean(value)).split())


def plain_body(text: str) -> Parsed:
    """A body of plain text, its line ends those of this system."""
    return Parsed(clean(_LINE_END.sub("\n", text)).strip(), (), "", "")


def better_body(plain: Parsed, page: Parsed) -> Parsed:
    """The plain form of a body, unless it is only a stub beside the page."""
    stub = len(plain.text) < _STUB_CHARS and len(page.text) > _STUB_SHARE * len(plain.text)
    return page if stub else plain


def render(out: TextBuilder, message: Message, read: ReadPart | None, level: int = 1) -> None:
    """Write a message: subject, headers, names of attachments, body, messages inside, attachments that can be read.

    Args:
        out: Where to.
        message: What.
        read: Reads attachments; without it they are only named.
        level: Of the subject's heading.
    """
    if message.subject:
        out.heading(message.subject, level)
    headers = [f"{name}: {value}" for name, value in message.headers]
    named = [one_line(each.name) for each in message.attachments if not each.shown]
    if named:
        headers.append(f"Attachments: {', '.join(named)}")
    out.paragraph("\n".join(headers))
    for part in message.body:
        out.append(part, level)
    if message.rich and read is not None:
        with suppress(ParseError):
            # Empty as a rule: the message then has nothing but attachments.
            out.append(read(message.rich, "body.rtf"), level)
    for inner in message.forwarded:
        render(out, inner, read, level + 1)
    for attachment in message.attachments[:_MAX_READ]:
        if read is None or attachment.shown:
            continue
        try:
            parsed = read(attachment.data, attachment.name)
        except ParseError:
            # Its name above is what there is to find of an image or a locked file; the message itself is readable.
            continue
        out.heading(f"Attachment: {one_line(attachment.name)}", level + 1)
        out.append(parsed, level + 1)
