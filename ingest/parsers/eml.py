"""Mail as it is sent (RFC 5322 and MIME), single messages and mbox files, by the standard library.

The library's older policy is used: the newer one parses headers into objects, and raises on broken ones.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.policy import compat32
from mimetypes import guess_extension
from typing import TYPE_CHECKING, cast

from ingest.errors import EncryptedContent, UnsupportedType
from ingest.parsers import html
from ingest.parsers.builder import TextBuilder
from ingest.parsers.mail import Attachment, Message, better_body, one_line, plain_body, render
from ingest.parsers.text import decode

if TYPE_CHECKING:
    from email.message import Message as Part

    from ingest.parsers.mail import ReadPart
    from ingest.types import Parsed

_PARSER = "mail/email-1"
_SHOWN = ("From", "To", "Cc", "Date")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MBOX_LINE = re.compile(rb"(?:\A|\r?\n\r?\n)From \S+[^\r\n]*\d\d:\d\d[^\r\n]*\r?\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_ENCRYPTED = {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_FLOWED_END = re.compile(r"(?m)(?<=\S) \n(?!>|$|\s)")
# Characters of one header; the library's decoder takes time that grows with the square.
_MAX_HEADER = 20_000
# Messages inside messages inside messages beyond this are only named.
_MAX_DEPTH = 8


def parse(data: bytes, read: ReadPart | None = None) -> Parsed:
    """Read a message.

    Args:
        data: The file, as stored by a mail program.
        read: Reads attachments; without it they are only named.

    Returns:
        The subject as heading, the headers that people read as lines, the body (plain text where there is some,
        else the page), messages inside and attachments.

    Raises:
        EncryptedContent: The message can only be read by its recipient.
    """
    message = _message(message_from_bytes(_narrow(data), policy=compat32))
    out = TextBuilder()
    render(out, message, read)
    return out.parsed(message.subject, _PARSER)


def parse_mbox(data: bytes, read: ReadPart | None = None) -> Parsed:
    """Read a folder of messages in one file; each is a section under its subject.

    Args:
        data: The file.
        read: Reads attachments; without it they are only named.
    """
    data = _narrow(data)
    starts = list(_MBOX_LINE.finditer(data))
    if not starts:
        return parse(data, read)
    ends = [found.start() for found in starts[1:]] + [len(data)]
    out = TextBuilder()
    for found, end in zip(starts, ends, strict=True):
        content = _QUOTED_FROM.sub(rb"\1", data[found.end() : end])
        try:
            render(out, _message(message_from_bytes(content, policy=compat32)), read)
        except EncryptedContent:
            # One locked message among many does not lock the others; its subject stays to be found.
            part = message_from_bytes(content, policy=compat32)
            render(out, Message(subject=_value(part, "Subject"), headers=_headers(part)), None)
    return out.parsed("", _PARSER)


def _narrow(data: bytes) -> bytes:
    """Mail is ASCII with declared exceptions; some programs store it as UTF-16 all the same."""
    if data.startswith(_WIDE_MARKS):
        return decode(data).encode()
    return data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")


def _message(part: Part, depth: int = 0) -> Message:
    message = Message(subject=_value(part, "Subject"), headers=_headers(part))
    _collect(part, message, depth)
    if depth == 0 and not any(body.text.strip() for body in message.body) and _is_encrypted(part):
        raise EncryptedContent(
            "The message is encrypted for its recipient. Open it in the mail program that has the key, save it "
            "unencrypted and upload the result."
        )
    return message


def _headers(part: Part) -> list[tuple[str, str]]:
    return [(name, value) for name in _SHOWN if (value := _value(part, name))]


def _collect(part: Part, message: Message, depth: int) -> None:
    """Take a part of a message and all parts in it: as body, as a message inside, or as an attachment."""
    kind = part.get_content_type()
    name = _filename(part)
    if kind == "message/rfc822" and part.is_multipart():
        inner = _parts(part)[0]
        if depth < _MAX_DEPTH:
            message.forwarded.append(_message(inner, depth + 1))
        else:
            message.attachments.append(Attachment(name or "message.eml", bytes(inner)))
    elif part.is_multipart():
        if kind == "multipart/alternative":
            _choose(_parts(part), message, depth)
            return
        for inner in _parts(part):
            _collect(inner, message, depth)
    elif kind in _SIGNATURES:
        return
    elif kind in {"text/plain", "text/html"} and part.get_content_disposition() != "attachment" and not name:
        try:
            message.body.append(_body(part))
        except UnsupportedType:
            message.attachments.append(
                Attachment(f"attachment-{len(message.attachments) + 1}", _content(part))
            )
    elif content := _content(part):
        is_image = part.get_content_maintype() == "image"
        shown = is_image and (part.get_content_disposition() == "inline" or "Content-ID" in part)
        # Pages saved by browsers bring their styles and scripts along, each under its address.
        shown = shown or (part.get_content_disposition() is None and "Content-Location" in part)
        name = name or f"attachment-{len(message.attachments) + 1}{guess_extension(kind) or ''}"
        message.attachments.append(Attachment(name, content, shown=shown))


def _parts(part: Part) -> list[Part]:
    """The parts of a part that has some."""
    return cast("list[Part]", part.get_payload())


def _choose(parts: list[Part], message: Message, depth: int) -> None:
    """Take one of several forms of the same text, and what only another form has: its attachments."""
    forms: list[Message] = []
    for part in parts:
        form = Message()
        _collect(part, form, depth)
        forms.append(form)
        message.attachments += form.attachments
        message.forwarded += form.forwarded
    plain = next(
        (f.body for f, p in zip(forms, parts, strict=True) if p.get_content_type() == "text/plain"), []
    )
    pages = [
        f.body for f, p in zip(forms, parts, strict=True) if f.body and p.get_content_type() != "text/plain"
    ]
    if plain and pages:
        best = better_body(plain[0], pages[0][0])
        message.body += plain if best is plain[0] else pages[0]
    elif plain or pages:
        message.body += plain or pages[0]


def _body(part: Part) -> Parsed:
    content = _content(part)
    charset = _parameter(part, "charset")
    if part.get_content_type() == "text/html":
        return html.parse_text(decode(content, charset)) if charset else html.parse(content)
    text = decode(content, charset)
    if _parameter(part, "format").lower() == "flowed":
        # RFC 3676: a space before the line's end says that the paragraph goes on. "-- " begins a signature.
        text = _FLOWED_END.sub(" ", text.replace("\r\n", "\n").replace("\n-- \n", "\n--\n"))
    return plain_body(text)


def _content(part: Part) -> bytes:
    """The part's bytes; a broken transfer encoding gives what can be decoded."""
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _parameter(part: Part, name: str) -> str:
    """A parameter of the content type, without what a broken header has glued to it."""
    value = part.get_param(name)
    if isinstance(value, tuple):
        value = value[2]
    found = re.match(r"[\w.:+-]+", str(value or "").strip(" \"'"))
    return found[0] if found else ""


def _filename(part: Part) -> str:
    """The name of an attached file, by RFC 2231 or, as many programs write it, RFC 2047."""
    for header, parameter in (("Content-Disposition", "filename"), ("Content-Type", "name")):
        value = part.get_param(parameter, header=header)
        if isinstance(value, tuple):
            charset, _, encoded = value
            return one_line(decode(encoded.encode("latin-1", "replace"), charset or "utf-8"))
        if value:
            return _words(part, str(value))
    return ""


def _value(part: Part, name: str) -> str:
    """A header's value, decoded, on one line."""
    raw = next((value for key, value in part.raw_items() if key.lower() == name.lower()), "")
    return _words(part, str(raw)[:_MAX_HEADER])


def _words(part: Part, raw: str) -> str:
    """Decode RFC 2047's encoded words, and letters that were sent as bytes without any declaration."""
    try:
        parts = decode_header(" ".join(_undeclared(part, raw).split()))
        words = [_word(word, charset) for word, charset in parts]
    except (HeaderParseError, ValueError, UnsupportedType):
        return one_line(raw)
    return one_line("".join(words))


def _word(word: str | bytes, charset: str | None) -> str:
    if isinstance(word, str):
        return word
    # The library gives what stands between encoded words in an encoding of its own.
    return decode(word, charset) if charset else word.decode("raw-unicode-escape", "replace")


def _undeclared(part: Part, raw: str) -> str:
    """Bytes beyond ASCII in a header: UTF-8, else what the body is in. Headers are too short for statistics."""
    if raw.isascii():
        return raw
    content = raw.encode("utf-8", "surrogateescape")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return decode(content, _parameter(part, "charset") or "cp1252")


def _is_encrypted(part: Part) -> bool:
    for inner in part.walk():
        if inner.get_content_type() in _ENCRYPTED and _parameter(inner, "smime-type") != "signed-data":
            return True
    return False
