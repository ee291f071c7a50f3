"""What the command line prints of documents is text, and nothing else."""

from __future__ import annotations

from api.local import _plain


def test_a_document_cannot_write_to_the_terminal() -> None:
    """Neither codes that colour, move or rewrite, nor signs that turn the order of letters, nor rich's own markup."""
    hostile = "\x1b]0;title\x07\x1b[2J\x9b31mred\x1b[0m \u202eabc\u202c [bold red]loud[/bold red] \U000e0041"

    shown = _plain(hostile)

    assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in shown)
    assert "\u202e" not in shown
    assert "\U000e0041" not in shown
    assert "\\[bold red]" in shown
