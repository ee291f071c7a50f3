"""Markers out of streamed text: what is one, whose it is, and that cutting the stream changes nothing."""

from __future__ import annotations

import itertools
import random
import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.markers import MarkedSentence, MarkedTextParser, new_keys, quotations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.rag.conftest import EvidenceMaker

ISSUED = ("k7f", "q2a", "m3x")


def parse(text: str, cuts: list[int] | None = None) -> list[MarkedSentence]:
    """The sentences of a text that arrives in pieces cut at these offsets."""
    parser = MarkedTextParser(ISSUED)
    edges = [0, *sorted(cuts or []), len(text)]
    found: list[MarkedSentence] = []
    for start, end in itertools.pairwise(edges):
        found += parser.feed(text[start:end])
    return found + parser.finish()


def brief(text: str) -> list[tuple[str, str, str]]:
    """Text, keys and invented parts of each sentence, the same whether it comes whole or by character."""
    whole = parse(text)

    assert parse(text, list(range(len(text)))) == whole

    return [(each.text, " ".join(each.keys), "|".join(each.invented)) for each in whole]


@pytest.mark.parametrize(
    ("bracket", "keys"),
    [
        ("[k7f]", "k7f"),
        ("[ k7f ]", "k7f"),
        ("[K7F]", "k7f"),
        ("[k7f, q2a]", "k7f q2a"),
        ("[k7f; q2a]", "k7f q2a"),
        ("[k7f q2a]", "k7f q2a"),
        ("[k7f|q2a]", "k7f q2a"),
        ("[k7f/q2a]", "k7f q2a"),
        ("[k7f and q2a]", "k7f q2a"),
        ("[k7f,]", "k7f"),
        ("[k7f][q2a]", "k7f q2a"),
        ("[k7f] [q2a]", "k7f q2a"),
        ("[k7f], [q2a] and [m3x]", "k7f q2a m3x"),
        ("[k7f], [q2a], and [m3x]", "k7f q2a m3x"),
        ("[k7f] & [q2a]; [k7f]", "k7f q2a"),
        ("[source: k7f]", "k7f"),
        ("[Source k7f, source q2a]", "k7f q2a"),
        ('[key="k7f"]', "k7f"),
        ("[^k7f]", "k7f"),
        ("[`k7f`]", "k7f"),
        ("[see k7f]", "k7f"),
        ("[[k7f]]", "k7f"),
        ("【k7f】", "k7f"),
        ("［k7f］", "k7f"),
        ("([k7f])", "k7f"),
        ("([k7f], [q2a])", "k7f q2a"),
        ("( [k7f] and [q2a] )", "k7f q2a"),
        ("**[k7f]**", "k7f"),
        ("*[k7f]*", "k7f"),
        ("<sup>[k7f]</sup>", "k7f"),
        ("`[k7f]`", "k7f"),
        ("[k7f](https://example.org/a)", "k7f"),
        ("[k7f](#k7f)", "k7f"),
        ("[k7f]()", "k7f"),
        ("(k7f)", "k7f"),
        ("(K7F, q2a)", "k7f q2a"),
        ("( source: k7f )", "k7f"),
    ],
)
@pytest.mark.parametrize(
    "frame", ["It rose {}.", "It rose. {}", "It rose{}.", "It rose.{}", "It rose.\n{}", "It rose {} ."]
)
def test_every_spelling_of_an_issued_marker_is_taken_out(bracket: str, keys: str, frame: str) -> None:
    """Models vary the form; the keys are found and the sentence reads as if there had been no marker."""
    assert brief(frame.format(bracket)) == [("It rose.", keys, "")]
    assert brief(frame.format(bracket) + " It fell.") == [("It rose.", keys, ""), ("It fell.", "", "")]


@pytest.mark.parametrize(
    ("bracket", "invented"),
    [
        ("[1]", "1"),
        ("[12]", "12"),
        ("[123]", "123"),
        ("[1, 2]", "1|2"),
        ("[1][2]", "1|2"),
        ("[1-3]", "1-3"),
        ("[1–3]", "1–3"),
        ("[k99]", "k99"),
        ("[z4z, w5]", None),
        ("[z4z, z4z]", "z4z"),
        ("[^1]", "^1"),
        ("[^note]", "^note"),
        ("[doc 3]", "doc 3"),
        ("[Document 3]", "Document 3"),
        ("[source: 2]", "source: 2"),
        ("[ref1]", "ref1"),
        ("[passage k99]", "passage k99"),
        ("【4†source】", "4†source"),
        ("【4:0†report.pdf】", "4:0†report.pdf"),
        ("[4†L10-L12]", "4†L10-L12"),
        ("[1](https://example.org)", "1"),
        ("([1])", "1"),
        ("[S99]", "S99"),
        ("[qqq99]", "qqq99"),
        ("[fee-1]", "fee-1"),
        ("[abcd]", "abcd"),
        ("[XYZ]", "XYZ"),
        ("[lease.pdf]", "lease.pdf"),
        ("[Source: lease.pdf, page 3]", "Source: lease.pdf, page 3"),
        ("[source: the lease]", "source: the lease"),
        ("([abcd])", "abcd"),
        ("(k9f)", None),
    ],
)
def test_what_looks_like_a_citation_and_was_not_issued_is_invented(
    bracket: str, invented: str | None
) -> None:
    """An invented citation leaves the text, and is reported so that it can lower the confidence."""
    expected = (f"It rose {bracket}.", "", "") if invented is None else ("It rose.", "", invented)

    assert brief(f"It rose {bracket}.") == [expected]


QUOTING = (
    "The minutes say: They was [sic] late [1], and water [H2O] was short [emphasis added]. "
    "Members of the G20 met [Ref 7]."
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('They wrote "They was [sic] late [1], and water [H2O] was short" then.', None),
        ("A [G20] summit was short of water [H2O].", None),
        ("It was short [emphasis added].", None),
        ('They wrote "Members met [Ref 7]" then.', None),
        ("They were late [1].", "They were late."),
        ('They wrote "They was [sic] late [2], and" then.', 'They wrote "They was [sic] late, and" then.'),
        ("They met [G21].", "They met."),
        ("They met [Minutes of May].", "They met."),
        ("They met [minutes.md].", "They met."),
        ("They met. [abcd] They left.", "They met. They left."),
        ("They met [k7f][abcd] in May.", "They met in May."),
    ],
)
def test_brackets_of_the_sources_stay_and_invented_ones_do_not(
    make_evidence: EvidenceMaker, text: str, kept: str | None
) -> None:
    """A number only in a quotation, where the source has it; a word where any source has it."""
    piece = make_evidence(QUOTING, title="Minutes of May", filename="minutes.md")

    def read(cuts: Iterable[int]) -> str:
        parser = MarkedTextParser(ISSUED, [piece])
        edges = [0, *cuts, len(text)]
        found = [each for a, b in itertools.pairwise(edges) for each in parser.feed(text[a:b])]
        return " ".join(each.text for each in found + parser.finish())

    assert read(()) == (kept or text)
    assert read(range(len(text))) == (kept or text)


def test_issued_and_invented_may_share_a_bracket() -> None:
    """One honest key does not cover for an invented one, nor an invented one spoil an honest one."""
    assert brief("It rose [k7f, 1, k99].") == [("It rose.", "k7f", "1|k99")]


def test_prose_that_shares_a_bracket_with_a_key_stays() -> None:
    """The key is taken and the words are kept: nothing that the model said is lost."""
    assert brief("It rose [k7f, but only in 2019].") == [("It rose [but only in 2019].", "k7f", "")]


@pytest.mark.parametrize(
    "text",
    [
        "He wrote [sic] that it rose.",
        "It is [the Company] that rose.",
        "Smith v Jones [2019] EWCA Civ 1.",
        "It rose [citation needed].",
        "It rose [Smith et al., 2020].",
        "See [the report](https://example.org/a[1]b) for more.",
        "A value in [0, 1] or [0].",
        "Set `x[1]` and `a[k99]` here.",
        "Set ``x`[1]`` and `a``[1]` here.",
        "A task [ ] and a task [x] and [] too.",
        "An open [k7f that never closes.",
        "It rose (k9f) and (1), (k7f or so) and (see k7f, 4).",
        "The cat[ses] and [t]he dog rose.",
        "It rose in [April] and fell.",
        "It rose (all of it [illegible]).",
        "It rose (see [sic] there).",
        "**Revenue** rose and *costs* fell.",
        "3 < 4 and <b>5</b>.",
        "【重要】 It rose.",
        "[a long remark that goes on and on for more than sixty-four characters, 1, k99]",
        'It rose by 5" and fell by 3" again.',
    ],
)
def test_ordinary_brackets_stay(text: str) -> None:
    """Editorial brackets, links, code, intervals, years and tasks are the author's text."""
    assert brief(text) == [(text, "", "")]


def test_a_marker_that_never_closes_is_text() -> None:
    """The text may end anywhere, also within a marker: then it is not one."""
    assert brief("It rose [k7f") == [("It rose [k7f", "", "")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rose. [k7f] It fell. [q2a]", [("It rose.", "k7f"), ("It fell.", "q2a")]),
        ("It rose [k7f]. It fell [q2a].", [("It rose.", "k7f"), ("It fell.", "q2a")]),
        ("It rose.[k7f]It fell.[q2a]", [("It rose.", "k7f"), ("It fell.", "q2a")]),
        ("It rose. [k7f]. It fell.", [("It rose.", "k7f"), ("It fell.", "")]),
        ("It rose. ([k7f]) It fell.", [("It rose.", "k7f"), ("It fell.", "")]),
        ("It rose. [k7f], [q2a] It fell.", [("It rose.", "k7f q2a"), ("It fell.", "")]),
        ("It rose.\n\n[k7f]\n\nIt fell.", [("It rose.", "k7f"), ("It fell.", "")]),
        ("It rose [k7f] and fell [q2a].", [("It rose and fell.", "k7f q2a")]),
        ("Rose [k7f], fell [q2a]!", [("Rose, fell!", "k7f q2a")]),
        ("[k7f] It rose. It fell.", [("It rose.", "k7f"), ("It fell.", "")]),
        ("Is it? [k7f] Yes! [q2a]", [("Is it?", "k7f"), ("Yes!", "q2a")]),
        # Abbreviations.
        ("Dr. Smith of Acme Inc. rose. It fell.", [("Dr. Smith of Acme Inc. rose.", ""), ("It fell.", "")]),
        ("It was Acme Corp. [k7f] It fell.", [("It was Acme Corp.", "k7f"), ("It fell.", "")]),
        ("It was J. K. Rowling [k7f].", [("It was J. K. Rowling.", "k7f")]),
        # Quotations stay in one piece.
        ('He said "It rose. It fell." Then left.', [('He said "It rose. It fell."', ""), ("Then left.", "")]),
        ("“It rose. It fell.” [k7f] Then.", [("“It rose. It fell.”", "k7f"), ("Then.", "")]),
        ('He asked "why?" and left.', [('He asked "why?" and left.', "")]),
        ('A 5" disk rose. It fell.', [('A 5" disk rose.', ""), ("It fell.", "")]),
        # Emphasis and parentheses end with their sentence.
        ("**It rose.** It fell.", [("**It rose.**", ""), ("It fell.", "")]),
        ("(It rose.) It fell.", [("(It rose.)", ""), ("It fell.", "")]),
        # Lists and lines.
        ("- It rose [k7f]\n- it fell [q2a]", [("- It rose", "k7f"), ("- it fell", "q2a")]),
        ("* [k7f] It rose\n* It fell", [("* It rose", "k7f"), ("* It fell", "")]),
        ("1. It rose. [k7f]\n2) It fell.", [("1. It rose.", "k7f"), ("2) It fell.", "")]),
        ("- It rose. It fell.", [("- It rose.", ""), ("It fell.", "")]),
        ("a) It rose.\nIV. It fell.", [("a) It rose.", ""), ("IV. It fell.", "")]),
        ("## Results\nIt rose.", [("## Results", ""), ("It rose.", "")]),
        ("Results:\n\nit rose", [("Results:", ""), ("it rose", "")]),
        ("Revenue rose\nby four [k7f].", [("Revenue rose\nby four.", "k7f")]),
        ("| a | 1 |\n| b | 2 | [k7f]", [("| a | 1 |", ""), ("| b | 2 |", "k7f")]),
        # Code.
        (
            "Run:\n```\nx = [1]\n\ny\n```\n[k7f]\nit rose.",
            [("Run:", ""), ("```\nx = [1]\n\ny\n```", "k7f"), ("it rose.", "")],
        ),
        # Scripts without spaces.
        ("收入增长。[k7f]成本下降。利润。", [("收入增长。", "k7f"), ("成本下降。", ""), ("利润。", "")]),
    ],
)
def test_sentences_and_their_markers(text: str, expected: list[tuple[str, str]]) -> None:
    """A marker belongs to the sentence before it, wherever it stands; each line of a list is its own."""
    assert [(found, keys) for found, keys, _ in brief(text)] == expected


def test_breaks_before_a_sentence_are_reported() -> None:
    """What stood between two sentences can be put back: nothing, a line end, or a blank line."""
    text = "It rose. It fell.\nSo did we.\n \n[k7f] They left. [1]\nAll did."
    breaks = [(each.paragraph_break, each.line_break) for each in parse(text)]

    assert breaks == [(False, False), (False, False), (False, True), (True, True), (False, True)]


def test_an_answer_of_markers_alone_is_not_lost() -> None:
    """Invented citations count even when there is no sentence that they could belong to."""
    assert brief("[k7f] [1]") == [("", "k7f", "1")]
    assert brief("  \n") == []


def test_a_sentence_comes_as_soon_as_it_is_certain() -> None:
    """Not before its markers can all have come, and with the first character of what follows."""
    parser = MarkedTextParser(ISSUED)

    assert parser.feed("It rose. [k7") == []
    assert parser.feed("f] \n") == []
    assert parser.feed("[q2a] ") == []
    assert [each.keys for each in parser.feed("I")] == [("k7f", "q2a")]
    assert [each.text for each in parser.feed("t fell.")] == []
    assert [each.text for each in parser.finish()] == ["It fell."]


def test_a_finished_parser_takes_no_more() -> None:
    """Text after the end is a mistake of the caller, not the next answer."""
    parser = MarkedTextParser(ISSUED)
    parser.finish()

    with pytest.raises(ValueError, match="finished"):
        parser.feed("It rose.")


_PIECES = st.sampled_from(
    [
        *(
            "[k7f]",
            "[q2a, k7f]",
            "[1]",
            "【4†s】",
            "([m3x])",
            "**[k7f]**",
            "[k7f](http://a)",
            "[k7f](b c)",
            "[a](/x[1])",
            "[[q2a]]",
        ),
        *(
            "[sic]",
            "[",
            "]",
            "(",
            ")",
            "`",
            "``",
            "```",
            "*",
            "**",
            "<sup>",
            "</sup>",
            "<",
            '"',
            "“",
            "”",
            "|",
        ),
        *(
            " ",
            " ",
            " ",
            "  ",
            "\n",
            "\n\n",
            "\r\n",
            ". ",
            ".",
            "! ",
            "? ",
            "。",
            ", ",
            "; ",
            " and ",
            "a",
            "an",
            "…",
        ),
        *(
            "It rose",
            "revenue",
            "Dr",
            "U.S.",
            "5",
            "é😀",
            "- ",
            "1. ",
            "\n- ",
            "\n2. ",
            "\n```\n",
            "x[1]",
            "[^",
            "and",
        ),
    ]
)
_TEXTS = st.lists(_PIECES, max_size=40).map("".join)


@settings(max_examples=600, deadline=None)
@given(text=_TEXTS, data=st.data())
def test_where_the_stream_is_cut_does_not_matter(text: str, data: st.DataObject) -> None:
    """Any cutting into deltas gives the sentences, keys and breaks of the whole text at once."""
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=30))
    whole = parse(text)

    assert parse(text, cuts) == whole
    assert parse(text, list(range(len(text)))) == whole


_PROSE = st.sampled_from(
    [
        "It",
        "rose",
        "Dr.",
        "by",
        "5",
        "%",
        "fell.",
        "Why?",
        "Yes!",
        '"Quote',
        'end."',
        "[sic]",
        "(aside)",
        "é😀",
        "- ",
        "1. ",
    ]
)
_MARKS = st.sampled_from(["[k7f]", "[q2a; m3x]", "[1]", "[k99]", "【k7f】", "([q2a])", "[^2]"])
_SPACES = st.sampled_from([" ", " ", "\n", "\n\n", "  "])


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.tuples(_PROSE, st.lists(_MARKS, max_size=2), _SPACES), max_size=25))
def test_no_letter_of_the_prose_is_lost(parts: list[tuple[str, list[str], str]]) -> None:
    """The sentences hold the prose's letters and digits in order, and every key and invented part."""
    text = "".join(word + "".join(f" {mark}" for mark in marks) + space for word, marks, space in parts)
    found = parse(text)
    letters = [char for each in found for char in each.text if char.isalnum()]
    inside = {name for _, marks, _ in parts for mark in marks for name in re.findall(r"[\w^]+", mark)}

    assert letters == [char for word, _, _ in parts for char in word if char.isalnum()]
    assert {name for each in found for name in (*each.keys, *each.invented)} == inside


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=300))
def test_any_text_at_all_is_survived(text: str) -> None:
    """Whatever a model writes, the parser answers, and keeps the letters of text without brackets."""
    found = "".join(each.text for each in parse(text))

    if not re.search(r"[\[【［`(*<]", text):
        assert [char for char in found if char.isalnum()] == [char for char in text if char.isalnum()]


@pytest.mark.parametrize(
    "unit",
    [
        "It rose. [k7f] ",
        "word ",
        "`",
        "[",
        "([",
        '"a. ',
        "a. b. ",
        "[k7f] and ",
        "```\n",
        "* [k7f",
        "` `` ",
        "[k7f](http",
    ],
)
def test_the_work_grows_no_faster_than_the_text(unit: str) -> None:
    """Eight times the text, in small deltas, takes about eight times as long, also when it is hostile."""

    def seconds(chars: int) -> float:
        text = unit * (chars // len(unit))
        cuts = list(range(0, len(text), 4))
        started = time.perf_counter()
        parse(text, cuts)
        return time.perf_counter() - started

    small = min(seconds(4_000) for _ in range(3))

    # Quadratic work would take 64 times as long; 24 leaves room for a busy machine.
    assert seconds(32_000) < 24 * small + 0.2


def test_keys_are_unique_unambiguous_and_never_numbers() -> None:
    """A key cannot be mistaken for a word, a number or another key."""
    for count in (0, 1, 40, 400, 401, 3000):
        keys = new_keys(count, random.Random(count))

        assert len(set(keys)) == len(keys) == count
        assert all(re.fullmatch(r"[b-z][2-9][b-z][2-9]?", key) for key in keys)
        assert not set("".join(keys)) & set("aeioul01")
        assert all(key[0] != key[2] for key in keys)


def test_keys_differ_from_request_to_request() -> None:
    """A document cannot hold keys that are drawn when it is asked about."""
    assert new_keys(20) != new_keys(20)
    assert new_keys(20, random.Random(1)) == new_keys(20, random.Random(1))
    with pytest.raises(ValueError, match="too many"):
        new_keys(20_000)


def test_every_new_key_is_read_back() -> None:
    """What new_keys draws is what the parser knows as a marker; drawn for another request, as invented."""
    keys = new_keys(300, random.Random(3))
    for key in keys:
        mine = MarkedTextParser(keys)
        other = MarkedTextParser(ISSUED)
        text = f"It rose [{key}]."

        assert [each.keys for each in (*mine.feed(text), *mine.finish())] == [(key,)]
        expected = ((key,), ()) if key in ISSUED else ((), (key,))
        assert [(each.keys, each.invented) for each in (*other.feed(text), *other.finish())] == [expected]


@pytest.mark.parametrize(
    ("sentence", "quoted"),
    [
        ('He said "it rose by four" again.', ["it rose by four"]),
        ("He said “it rose by four” again.", ["it rose by four"]),
        ("Er sagte „es stieg um vier“ und “it rose by four”.", ["es stieg um vier", "it rose by four"]),
        ("Il dit « le chiffre a augmenté ».", ["le chiffre a augmenté"]),
        ('The term "indemnification-obligations" applies.', ["indemnification-obligations"]),
        ('The term "short one" is not.', []),
        ('A 5" disk and the other 3" disk.', []),
        ('"It rose by four," he said, "and it fell by five."', ["It rose by four,", "and it fell by five."]),
        ('It never "closes at all in here.', []),
        ("", []),
    ],
)
def test_quotations_are_found(sentence: str, quoted: list[str]) -> None:
    """Long enough quotations in any double marks are found to the letter, inch signs are none."""
    assert [sentence[start:end] for start, end in quotations(sentence)] == quoted
