"""Characters that no reader sees and that can carry words, or turn the order of others, for a machine that reads them.

Formats whose canonical text is put together here lose them. In formats whose canonical text is the file itself they
stay, because every offset has to hold in the file, and are taken out of what is indexed, shown to a model or said in
an answer. Either way they are counted: see docs/decisions/0026-hidden-text.md.

The signs are those of "Trojan Source" (Boucher and Anderson, https://arxiv.org/abs/2111.00169) and of Unicode's own
list of characters that are ignored when shown (UAX #31, Default_Ignorable_Code_Point).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ingest.types import Disclosure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.sentences import Span

# Codes of disclosures, which the interface shows with words of its own.
BIDI = "bidi_controls"
TAGS = "tag_characters"
ZERO_WIDTH = "zero_width_characters"
CONTROLS = "control_characters"

_LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
# Nothing is shown for these. One alone has its use: a joiner in Persian, Hindi or an emoji, a selector after the sign
# that it picks a form of, a hint where a long word may be broken.
_UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    f"\ufff9-\ufffb\U0001d173-\U0001d17a{_SELECTORS}"
)
# A first look, so that a text without any costs one quick search.
_SET = "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f" + _UNSEEN + "]"
_ANY = re.compile(_SET)
# Where what follows may match: each begins with one of them, or with the flag that they spell out.
_RUN = re.compile(f"\U0001f3f4?{_SET}+")
_HIDDEN = re.compile(
    # Flags of England, Scotland and Wales are spelt in tag characters.
    "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    # The selector of an emoji and the joiner to the next.
    f"|\ufe0f\u200d(?![{_UNSEEN}])"
    "|(?P<tag_characters>[\U000e0000-\U000e007f]+)"
    "|(?P<bidi_controls>[\u202a-\u202e\u2066-\u2069]+)"
    # The old mark of a file's end stands at the end of files.
    "|(?P<control_characters>(?!\x1a\\Z)[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]+)"
    "|(?P<zero_width_characters>"
    f"[{_UNSEEN}]{{2,}}"
    "|[\u2061-\u2065\u206a-\u206f\ufff9-\ufffb\U0001d173-\U0001d17a]"
    # Inside a word of Latin letters none but the soft hyphen means anything.
    f"|(?<=[{_LATIN}])[\u200b-\u200d\u2060\ufeff](?=[{_LATIN}])"
    f"|(?<=[{_LATIN}])[{_SELECTORS}])"
)


def hidden_characters(text: str) -> Iterator[tuple[str, Span]]:
    """Where characters stand that no reader sees, in order.

    Yields:
        The code of their kind, and their span in the text.
    """
    end = 0
    for run in _RUN.finditer(text):
        at = max(end, run.start())
        while at < run.end():
            found = _HIDDEN.match(text, at)
            end = at = found.end() if found else at + 1
            if found and found.lastgroup is not None:
                yield found.lastgroup, found.span()


def counted(text: str) -> Counter[str]:
    """How many characters of each kind no reader sees."""
    counts: Counter[str] = Counter()
    for code, (start, end) in hidden_characters(text):
        counts[code] += end - start
    return counts


def without_hidden(text: str) -> str:
    """The text as a reader sees it, without the characters that nobody sees."""
    if _ANY.search(text) is None:
        return text
    return _HIDDEN.sub(lambda found: "" if found.lastgroup else found.group(), text)


def apart(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch or overlap joined."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)


def blanked(text: str, spans: Iterable[Span]) -> str:
    """The text with spans made white space, so that every offset keeps its place.

    Args:
        text: Any text.
        spans: Offsets into it; parts outside of it are left out.
    """
    parts: list[str] = []
    at = 0
    for start, end in apart(spans):
        first, last = max(start, at), min(end, len(text))
        if first < last:
            parts += [text[at:first], " " * (last - first)]
            at = last
    return "".join((*parts, text[at:])) if parts else text


def shown(text: str, spans: Iterable[Span]) -> str:
    """The text as a reader sees it: characters that nobody sees are gone, what else is hidden is a blank.

    Args:
        text: Any text.
        spans: Its hidden parts, as offsets into it.
    """
    parts: list[str] = []
    at = 0
    for start, end in apart(spans):
        # A sign inside of a word must not part it; a comment between two words must not join them.
        gap = " " if _ANY.sub("", text[start:end]) else ""
        parts += [text[at:start], gap]
        at = end
    return "".join((*parts, text[at:]))


def disclosures(counts: Counter[str], *, kept: bool = False) -> tuple[Disclosure, ...]:
    """Counts as they are disclosed, in the order of their codes."""
    return tuple(Disclosure(code, count, kept=kept) for code, count in sorted(counts.items()) if count)
