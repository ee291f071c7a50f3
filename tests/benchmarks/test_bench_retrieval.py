"""The retrieval benchmark: sets read from small data, measures by hand, aims, and a whole run over three files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.baseline import Baseline
from benchmarks.report import Checks
from benchmarks.retrieval.aims import judge
from benchmarks.retrieval.characters import read_chroma, read_qmsum, read_squad
from benchmarks.retrieval.documents import code_ending, read_classic, read_cookbook, read_grades
from benchmarks.retrieval.encoder import MiniLm
from benchmarks.retrieval.library import Library
from benchmarks.retrieval.measures import (
    documents_in,
    held_within,
    ndcg,
    page_in,
    place_in,
    recall_within,
    share_found,
)
from benchmarks.retrieval.pages import read_financebench, read_tatqa, table_text
from benchmarks.retrieval.run import limited, measure
from benchmarks.retrieval.summary import means, summarise
from benchmarks.retrieval.systems import BUDGET, LETTER, Plain, bm25_over
from benchmarks.retrieval.types import Aim, Corpus, Document, Question, TestSet
from rag.evaluation.measures import Range

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class Listed:
    """A finder that always finds the same passages."""

    def __init__(self, *ranges: Range) -> None:
        self._ranges = list(ranges)

    def within(self, question: str, budget: int) -> list[Range]:
        """All of them."""
        return self._ranges

    def best(self, question: str, count: int) -> list[Range]:
        """The first of them."""
        return self._ranges[:count]

    def documents(self, question: str, count: int) -> list[str]:
        """Theirs."""
        return list(dict.fromkeys(each.document for each in self._ranges[:count]))


def lengths(texts: Sequence[str]) -> NDArray[np.float32]:
    """A stand-in for vectors: all the same, so that the dense half ranks by position."""
    return np.ones((len(texts), 2), dtype=np.float32)


def lines(file: Path, *rows: object) -> None:
    """Writes a JSON lines file with its folders."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def text_of(corpus: Corpus, span: Range) -> str:
    """What a span of a corpus says."""
    data = next(each.data for each in corpus.documents if each.name == span.document)
    return data.decode()[span.start : span.end]


def test_chroma_spans_are_offsets_into_the_files(tmp_path: Path) -> None:
    """References keep their offsets, and a question's group is its corpus."""
    folder = tmp_path / "chunking_chroma"
    reference = {"content": "blau", "start_index": 4, "end_index": 8}
    lines(folder / "questions.jsonl", {"question": "?", "corpus_id": "meer", "references": [reference]})
    (folder / "corpora").mkdir()
    (folder / "corpora" / "meer.md").write_bytes("Öde blau".encode())

    (corpus,) = read_chroma(tmp_path)

    assert text_of(corpus, corpus.questions[0].spans[0]) == "blau"
    assert corpus.questions[0].group == "meer"


def test_squad_asks_what_has_an_answer(tmp_path: Path) -> None:
    """The answer's span is in the joined article; impossible questions are left out."""
    asked = {"question": "When?", "is_impossible": False, "answers": ["1763", "in 1763"]}
    impossible = {"question": "Who?", "is_impossible": True, "answers": []}
    paragraphs = [
        {"context": "It began in 1754.", "qas": [impossible]},
        {"context": "It ended in 1763.", "qas": [asked]},
    ]
    file = tmp_path / "squad2" / "dev_articles.json"
    lines(file, {"data": [{"title": "The_War", "paragraphs": paragraphs}]})

    (corpus,) = read_squad(tmp_path)

    assert [each.text for each in corpus.questions] == ["When?"]
    assert text_of(corpus, corpus.questions[0].spans[0]) == "1763"
    assert corpus.documents[0].title == "The War"


def test_qmsum_spans_are_whole_turns_and_meetings_are_apart(tmp_path: Path) -> None:
    """A run of turns is one span with its speakers; each meeting is a corpus."""
    turns = [{"speaker": name, "content": said} for name, said in (("A", "Hi."), ("B", "No."), ("A", "Why?"))]
    query = {"query": "What?", "relevant_text_span": [["1", "2"]]}
    row = {"meeting_transcripts": turns, "specific_query_list": [query]}
    lines(tmp_path / "qmsum" / "val.jsonl", row, row)

    first, second = read_qmsum(tmp_path)

    assert text_of(first, first.questions[0].spans[0]) == "B: No.\n\nA: Why?"
    assert first.documents[0].filename != second.documents[0].filename


def test_grades_below_one_are_left_out(tmp_path: Path) -> None:
    """Every positive grade is relevant, and counts the same."""
    file = tmp_path / "qrels.tsv"
    file.write_text("query-id\tcorpus-id\tscore\n1\ta\t4\n1\tb\t-1\n2\tc\t0\n", encoding="utf-8")

    assert read_grades(file) == {"1": {"a": 1}}


def test_classic_documents_hold_their_title_once(tmp_path: Path) -> None:
    """A title is put above a text that does not begin with it, and a document without text is left out."""
    folder = tmp_path / "ir_classic" / "cisi"
    rows = (("1", "Dewey", "A history."), ("2", "wings .", "wings . thin ones"), ("3", "", ""))
    lines(folder / "corpus.jsonl", *({"_id": a, "title": b, "text": c} for a, b, c in rows))
    lines(folder / "queries.jsonl", {"_id": "7", "text": "?"}, {"_id": "8", "text": "not judged"})
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n7\t2\t1\n", encoding="utf-8")

    (corpus,) = read_classic("cisi", tmp_path)

    assert [each.data.decode() for each in corpus.documents] == [
        "Dewey\n\nA history.\n",
        "wings . thin ones\n",
    ]
    assert [(each.text, each.documents) for each in corpus.questions] == [("?", {"2": 1})]


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("#pragma once\nint x;", ".cpp"),
        ("/* Licence: use freely */\npackage com.a.b;\n", ".java"),
        ("//! Doc\nuse std::io;\n", ".rs"),
        ("import re\n\ndef f(x):\n    return x\n", ".py"),
        ("the quick brown fox", ".txt"),
    ],
)
def test_the_ending_of_code_is_told_by_its_content(text: str, ending: str) -> None:
    """What only one language writes tells the ending."""
    assert code_ending(text) == ending


def test_chunks_of_code_are_documents_with_names_of_their_own(tmp_path: Path) -> None:
    """A chunk takes the ending of its file, or .txt when asked; golden chunks are named by file and position."""
    chunks = [
        {"original_index": at, "content": text} for at, text in enumerate(("import re\n", "x = re.I\n"))
    ]
    file = {"original_uuid": "u", "content": "import re\nx = re.I\n", "chunks": chunks}
    folder = tmp_path / "cookbook_code"
    lines(folder / "codebase_chunks.json", [file])
    lines(folder / "evaluation_set.jsonl", {"query": "?", "golden_chunk_uuids": [["u", 1]]})

    (named,), (plain,) = read_cookbook(tmp_path), read_cookbook(tmp_path, named=False)

    assert [each.filename for each in named.documents] == ["chunk-001.py", "chunk-002.py"]
    assert [each.filename for each in plain.documents] == ["chunk-001.txt", "chunk-002.txt"]
    assert named.questions[0].documents == {named.documents[1].name: 1}


def test_tables_are_written_with_their_cells_in_one_line() -> None:
    """Line ends within a cell go, a bar within a cell of Markdown is escaped, the first row is the header."""
    rows = [["", "2019\nrestated"], ["a|b", "1"]]

    assert table_text(rows, markdown=False) == " | 2019 restated\na|b | 1"
    assert table_text(rows, markdown=True) == "|  | 2019 restated |\n| --- | --- |\n| a\\|b | 1 |"


def test_tatqa_asks_what_needs_the_table(tmp_path: Path) -> None:
    """The span is the table, paragraphs follow in their order, questions about text alone are left out."""
    page = {
        "table": {"table": [["Year", "Sales"], ["2019", "7"]]},
        "paragraphs": [{"order": 2, "text": "Second."}, {"order": 1, "text": "First."}],
        "questions": [
            {"question": "How much?", "answer_from": "table-text"},
            {"question": "Which?", "answer_from": "text"},
        ],
    }
    lines(tmp_path / "tatqa" / "tatqa_dataset_dev.json", [page])

    (corpus,) = read_tatqa(tmp_path, markdown=False)

    assert corpus.documents[0].data.decode() == "Year | Sales\n2019 | 7\n\nFirst.\n\nSecond.\n"
    assert [each.text for each in corpus.questions] == ["How much?"]
    assert text_of(corpus, corpus.units[0]) == "Year | Sales\n2019 | 7"


def test_pages_count_from_one(tmp_path: Path) -> None:
    """The set's page 14, counted from zero, is page 15."""
    evidence = {"doc_name": "A_10K", "evidence_page_num": 14}
    lines(tmp_path / "financebench" / "questions.jsonl", {"question": "?", "evidence": [evidence]})

    (corpus,) = read_financebench(tmp_path)

    assert corpus.questions[0].pages == (("A_10K", 15),)


def test_measures_by_hand() -> None:
    """Spans, documents, places and pages, each from the same two passages."""
    finder = Listed(Range("a", 0, 10), Range("b", 0, 10))
    half = Question("?", "", (Range("a", 5, 15),), {"b": 1, "c": 1})

    assert recall_within(100).value(finder, half) == pytest.approx(0.5)
    assert held_within(100).value(finder, half) == pytest.approx(0)
    assert documents_in(2, "R").value(finder, half) == pytest.approx(0.5)
    assert documents_in(1, "R").value(finder, half) == pytest.approx(0)
    # The one found of two relevant is second: 1/log2(3), of at most 1 + 1/log2(3).
    assert ndcg().value(finder, half) == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    assert place_in(1, "table").value(finder, half) == pytest.approx(1)
    assert place_in(1, "table").value(finder, Question("?", "", (Range("a", 6, 16),))) == pytest.approx(0)
    assert page_in(1).value(finder, Question("?", "", (Range("a", 9, 99),))) == pytest.approx(1)
    assert page_in(1).value(finder, Question("?", "", (Range("a", 10, 99),))) == pytest.approx(0)


def test_recall_without_anything_relevant_is_refused() -> None:
    """A question with only grades of 0 must not pass as a figure."""
    with pytest.raises(ValueError, match="undefined"):
        share_found({"a": 0}, ["a"])


@pytest.mark.parametrize(
    ("aim", "value", "reached", "possible"),
    [
        (Aim("m", "reaches", 0.8), 0.85, True, True),
        (Aim("m", "misses", 0.75, ("low", "high")), 0.15 / 0.4, True, True),
        (Aim("m", "gains", 0.3, ("low", "high")), 0.25, False, True),
        (Aim("m", "gains", 0.5, ("high",)), 0.25, False, False),
        (Aim("m", "times", 2, ("low",)), 0.85 / 0.3, True, True),
        (Aim("m", "times", 2, ("high",)), 0.85 / 0.6, False, False),
    ],
)
def test_aims_are_judged_against_the_best_reference(
    aim: Aim, value: float, reached: bool, possible: bool
) -> None:
    """A mean of .85 beside references of .3 and .6; what no system could reach is said to be so."""
    judged = judge(aim, 0.85, {"low": 0.3, "high": 0.6})

    assert judged.value == pytest.approx(value)
    assert (judged.reached, judged.possible) == (reached, possible)


def test_a_limit_spreads_over_corpora_and_questions() -> None:
    """Few questions come from all over a set, never more than asked for."""
    questions = tuple(Question(str(at), "") for at in range(10))
    corpora = [Corpus(str(at), (), questions) for at in range(3)]

    assert limited(corpora, None) == corpora
    assert [len(each.questions) for each in limited(corpora, 6)] == [2, 2, 2]
    assert [each.text for each in limited(corpora, 6)[0].questions] == ["0", "5"]
    assert sum(len(each.questions) for each in limited(corpora, 2)) == 2


def test_means_of_a_group_leave_the_others_out() -> None:
    """Each question counts once in its group and once in all."""
    rows = {"m": [1.0, 0.0, 0.5]}

    assert means(rows, ["a", "b", "a"], "a") == {"m": 0.75}
    assert means(rows, ["a", "b", "a"]) == {"m": 0.5}


def test_the_plain_hybrid_is_cut_at_the_budget() -> None:
    """The passage that passes the budget is cut there."""
    plain = Plain(Baseline({"a": "red fox", "b": "blue dog " * 60}, lengths), "lexical")

    assert plain.within("fox", 3) == [Range("a", 0, 3)]
    assert plain.documents("dog fox", 5) == ["a", "b"]


def test_whole_units_are_ranked_by_their_own_text() -> None:
    """BM25 over pages sees each page alone."""
    units = [Range("a", 0, 3), Range("a", 4, 7)]

    assert bm25_over({"a": "red fox"}, units).best("fox", 5) == [Range("a", 4, 7)]


def test_a_set_is_ingested_asked_and_summarised(tmp_path: Path) -> None:
    """Three files through the real pipeline: the right one is found, by every system, and what is found is checked.

    Two files with the same bytes are one document of the service, and both names are found.
    """
    texts = {
        "tide": "The tide table of the harbour is printed every winter. Ships wait for high water.",
        "loom": "The loom was mended in spring. Weavers came from the valley.",
        "copy": "The loom was mended in spring. Weavers came from the valley.",
    }
    documents = tuple(Document(name, f"{name}.txt", text.encode()) for name, text in texts.items())
    questions = (
        Question("When is the tide table printed?", "", (Range("tide", 0, 54),), {"tide": 1}),
        Question("Who mended the loom?", "", (Range("loom", 0, 30),), {"loom": 1, "copy": 1}),
    )
    corpus = Corpus("small", documents, questions)
    test = TestSet(
        "small",
        "Small: three files",
        (),
        lambda _: [corpus],
        (recall_within(200), documents_in(2, "R")),
        ("R@2",),
        (Aim("R@2", "reaches", 1.0),),
        unit="document",
        curve=(50, 200),
    )
    checks = Checks()
    checks.expect(BUDGET, LETTER)

    with Library(tmp_path / "store") as library:
        outcome = measure(test, [corpus], library, MiniLm(tmp_path / "kept.npz"), checks, ablate=True)
    found = summarise(test, outcome)

    assert checks.passed
    assert found["systems"]["footnote"]["recall in 200"]["mean"] == pytest.approx(1)
    assert found["systems"]["footnote"]["R@2"]["mean"] == pytest.approx(1)
    assert found["aims"][0]["reached"]
    assert [budget for budget, _ in found["curve"]["baseline"]] == [50, 200]
    assert found["ablated_questions"] == 2
    assert all(set(part) == {"R@2"} for part in found["gained_by"].values())
    json.dumps(found)
    # Vectors of the plain hybrid are there for the next run.
    assert np.load(tmp_path / "kept.npz")["rows"].shape == (4, 384)
