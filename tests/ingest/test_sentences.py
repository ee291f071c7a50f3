"""Sentences as offsets: they tile every text, and they end where a reader would say so."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.sentences import LONG_SENTENCE_CHARS, Span, sentence_spans, trimmed

# Characters and strings that have ended, joined or broken sentences somewhere.
PIECES = st.one_of(
    st.sampled_from(
        [
            "A",
            "J.",
            " ",
            "  ",
            "\n",
            "\n\n",
            "\r\n",
            "\t",
            ".",
            "!",
            "?",
            "...",
            "。",
            "，",
            "你好",
            "😀",
            "👩‍👩‍👧",
            "e\u0301",
            "\u00a0",
            "\u2028",
            "\u2029",
            "\u3000",
            "\x85",
            "\x0c",
            "\x00",
            "\ufeff",
            "|",
            "- ",
            "1. ",
            "# ",
            "---",
            "==",
            "Dr. ",
            "e.g. ",
            "U.S.",
            "1,234.50 ",
            "(",
            ")",
            "“",
            "”",
            "مرحبا",
            "x" * 90,
            "Straße",
            "; ",
            ": ",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)


def cut(text: str) -> list[str]:
    """The sentences as strings."""
    return [text[start:end] for start, end in sentence_spans(text)]


def tiles(spans: list[Span], start: int, end: int) -> bool:
    """Whether spans cover a stretch without gap, overlap or empty span."""
    if start == end:
        return not spans
    return (
        spans[0][0] == start
        and spans[-1][1] == end
        and all(first < last for first, last in spans)
        and all(before[1] == after[0] for before, after in pairwise(spans))
    )


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("J A\u00a0.")
@example("A.\u2028B.\u2029\x85")
def test_sentences_tile_any_text(text: str) -> None:
    """No character is lost or in two sentences, whatever the text is made of."""
    assert tiles(sentence_spans(text), 0, len(text))


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.data())
def test_sentences_tile_any_part_of_a_text(text: str, data: st.DataObject) -> None:
    """Spans of a part are offsets into the whole text and stay inside the part."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    spans = sentence_spans(text, start, end)

    assert tiles(spans, start, end)
    assert spans == [(start + first, start + last) for first, last in sentence_spans(text[start:end])]


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_only_a_blank_text_has_a_blank_sentence(text: str) -> None:
    """White space belongs to a neighbouring sentence, so that no footnote points at nothing."""
    if text.strip():
        assert all(sentence.strip() for sentence in cut(text))


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.data())
def test_trimmed_spans_lose_white_space_only(text: str, data: st.DataObject) -> None:
    """Trimming a span is what ``strip`` does to its text."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    first, last = trimmed(text, start, end)

    assert start <= first
    assert last <= end
    assert text[first:last] == text[start:end].strip() or not text[start:end].strip()


def test_offsets_count_code_points() -> None:
    """Characters outside the basic plane and joined emoji do not shift what follows."""
    text = "First 😀 one. 👩‍👩‍👧 are three. 你好。再见。 Last."

    assert cut(text) == ["First 😀 one. ", "👩‍👩‍👧 are three. ", "你好。", "再见。 ", "Last."]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met Mr. Jones at 5.30 p.m. in Room 3.",
        "The fee, i.e. 3.5 percent, applies to U.S. residents.",
        "Hold at -20.5 degrees, see Fig. 3 and No. 7 of the list.",
    ],
)
def test_abbreviations_and_points_in_numbers_end_no_sentence(text: str) -> None:
    """A full stop that belongs to an abbreviation or a number does not cut."""
    assert cut(text) == [text]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_list_items_are_sentences(newline: str) -> None:
    """Each item of a list can be cited alone, although none ends in a full stop."""
    lines = ["You need:", "- a card", "- proof of address", "1. sign here", "b) pay"]

    assert [each.strip() for each in cut(newline.join(lines))] == lines


def test_rows_of_tables_are_sentences() -> None:
    """Rows with bars, tabs or amounts in a row can be cited one by one."""
    lines = ["| item | price |", "| tea | 3 |", "Rent\t400", "Revenue 1,200 1,300 ", "Costs (800) (900) "]

    assert [each.rstrip("\n") for each in cut("\n".join(lines))] == lines


def test_headings_stand_apart_from_the_text_below() -> None:
    """A heading without a full stop does not run into the first sentence."""
    assert cut("# Opening hours\nMonday to Friday.") == ["# Opening hours\n", "Monday to Friday."]


def test_a_wrapped_sentence_stays_whole() -> None:
    """A line end inside an ordinary sentence is no boundary."""
    text = "The library lends books\nfor four weeks.\n"

    assert cut(text) == [text]


def test_a_long_stretch_without_punctuation_is_cut_at_its_lines() -> None:
    """Lines that never end in a full stop become sentences once they would make a very long one."""
    lines = [f"entry number {number} of the register\n" for number in range(LONG_SENTENCE_CHARS // 20)]

    assert cut("".join(lines)) == lines


@pytest.mark.parametrize(
    "text",
    ["1" * 200_000 + "\nend", "1 " * 100_000 + "\nend", " " * 200_000 + "\nend", "$" * 200_000 + "\nend"],
    ids=["digits", "numbers", "spaces", "signs"],
)
def test_hostile_lines_take_linear_time(text: str) -> None:
    """A line of 200,000 digits is cut as quickly as prose; a quadratic pattern needs many minutes."""
    begun = time.process_time()

    spans = sentence_spans(text)

    assert tiles(spans, 0, len(text))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Die Bank wurde am 3. März 1999 von Dr. Müller und der Stadt gegründet. Es war kalt.",
            ["Die Bank wurde am 3. März 1999 von Dr. Müller und der Stadt gegründet. ", "Es war kalt."],
        ),
        (
            "Die Stadt stammt aus dem 18. Jahrhundert und ist gewachsen. 1950 wurde das Haus mit der Brücke gebaut.",
            [
                "Die Stadt stammt aus dem 18. Jahrhundert und ist gewachsen. ",
                "1950 wurde das Haus mit der Brücke gebaut.",
            ],
        ),
        (
            "Das Kind war mit der Mutter erst 9. Danach kam die Schule.",
            ["Das Kind war mit der Mutter erst 9. ", "Danach kam die Schule."],
        ),
        ("图书馆九点开门。周日关门！你呢？", ["图书馆九点开门。", "周日关门！", "你呢？"]),
        ("これは文です。次の文です！", ["これは文です。", "次の文です！"]),
        ("هل هذا سؤال؟ نعم. هذه جملة ثانية.", ["هل هذا سؤال؟ ", "نعم. ", "هذه جملة ثانية."]),
        ("وقال القس بول ت. ستالسوورث ذلك. ثم ذهب.", ["وقال القس بول ت. ستالسوورث ذلك. ", "ثم ذهب."]),
        (
            "Это написал А. С. Пушкин. В 1999 г. он умер.",
            ["Это написал А. С. Пушкин. ", "В 1999 г. он умер."],
        ),
        ("यह पहला वाक्य है। यह दूसरा है।", ["यह पहला वाक्य है। ", "यह दूसरा है।"]),
        ("Él vive en la casa del Sr. Pérez. ¿Dónde?", ["Él vive en la casa del Sr. Pérez. ", "¿Dónde?"]),
        ("នេះជា។ ទីពីរ។", ["នេះជា។ ", "ទីពីរ។"]),
    ],
)
def test_sentences_end_by_the_rules_of_their_language(text: str, expected: list[str]) -> None:
    """Ordinals, initials and abbreviations end no sentence; the stops of each script do."""
    assert cut(text) == expected


def test_a_long_text_is_cut_as_its_paragraphs_are() -> None:
    """Sentences do not depend on where a long text is divided to be read."""
    text = "The library, it says, opens at nine. On Sundays it is closed (see Dr. Low's note).\n" * 500

    assert [each.strip() for each in cut(text)] == [
        "The library, it says, opens at nine.",
        "On Sundays it is closed (see Dr. Low's note).",
    ] * 500


@pytest.mark.parametrize("sign", ["“", "'", '"', "«", "「", "(", "‘a ", "“. "])
def test_runs_of_quotation_marks_take_linear_time(sign: str) -> None:
    """Signs that open a quotation which is never closed are read as quickly as prose."""
    text = sign * 150_000
    begun = time.process_time()

    spans = sentence_spans(text)

    assert tiles(spans, 0, len(text))
    assert time.process_time() - begun < 5


def test_lines_of_code_are_sentences() -> None:
    """In source code a full stop ends nothing and a line end does; the prose around it is cut as ever."""
    before, code, after = (
        "See below. It is short.\n\n",
        'x = "A. B. C."\n\nif x:\n    y = 1\n',
        "That is\nall. Bye.",
    )
    text = before + code + after
    spans = sentence_spans(text, code=[(len(before), len(before) + len(code))])

    assert [text[start:end] for start, end in spans] == [
        "See below. ",
        "It is short.\n\n",
        'x = "A. B. C."\n\n',
        "if x:\n",
        "    y = 1\n",
        "That is\nall. ",
        "Bye.",
    ]


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.data())
def test_sentences_with_code_tile_any_part_of_a_text(text: str, data: st.DataObject) -> None:
    """Code that begins before the part, ends after it, or lies outside of it costs no character."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    ends = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))

    assert tiles(
        sentence_spans(text, start, end, code=list(zip(ends[::2], ends[1::2], strict=False))), start, end
    )
