"""A judge from outside behind the verifier: a real, untrained cross-encoder with the outputs of an inference model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from transformers import AutoConfig

from rag.errors import JudgeUnavailable
from rag.types import Verdict
from rag.verification.judge import CrossEncoderJudge, Judgement
from rag.verify import PARTIAL_AT, Verifier
from tests.doubles.cross_encoder import BUNDLED, write_cross_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.embed import SentenceTransformerEmbedder
    from tests.rag.conftest import EvidenceMaker

CLAIM, SOURCES = "The library closes at seven.", ["It closes at seven.", "Cats sleep.", ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cross-encoder whose outputs are called as those of inference models are."""
    name = write_cross_encoder(tmp_path_factory.mktemp("judge"), labels=3)
    config = AutoConfig.from_pretrained(name)
    config.id2label = {0: "contradiction", 1: "entailment", 2: "neutral"}
    config.label2id = {label: at for at, label in config.id2label.items()}
    config.save_pretrained(name)
    return name


class Sure:
    """A judge that has one opinion of everything."""

    name = "sure"

    def __init__(self, carries: float, contradicts: float) -> None:
        self._judgement = Judgement(carries, contradicts)

    def judge(self, claim: str, sources: Sequence[str]) -> list[Judgement]:
        """The same for each source."""
        assert claim
        return [self._judgement for _ in sources]


class Fond:
    """A judge that holds whatever has some words to carry every claim."""

    name = "fond"

    def __init__(self, words: str) -> None:
        self._words = words

    def judge(self, claim: str, sources: Sequence[str]) -> list[Judgement]:
        """Sure of the sources that have the words and of nothing else."""
        assert claim
        return [Judgement(float(self._words in source), 0.0) for source in sources]


class Broken:
    """A judge that cannot be asked."""

    name = "broken"

    def judge(self, claim: str, sources: Sequence[str]) -> list[Judgement]:
        """Raises, whatever is asked."""
        raise JudgeUnavailable(f"no answer about {claim!r} and {len(sources)} sources")


def even(words: Sequence[str]) -> dict[str, float]:
    """Every word counts the same."""
    return dict.fromkeys(words, 1.0)


def test_judgements_are_probabilities_in_the_order_of_the_sources(folder: str) -> None:
    """Each source gets its own judgement, always the same one, and none gives none."""
    judge = CrossEncoderJudge(folder, batch_size=2)

    first, again = judge.judge(CLAIM, SOURCES), judge.judge(CLAIM, SOURCES)
    alone = [judge.judge(CLAIM, [source])[0] for source in SOURCES]

    assert [each.carries for each in first] == [each.carries for each in again]
    assert [each.carries for each in first] == pytest.approx([each.carries for each in alone], abs=1e-4)
    assert all(
        0 < each.carries < 1 and 0 < each.contradicts < 1 and each.carries + each.contradicts < 1
        for each in first
    )
    assert judge.judge(CLAIM, []) == []
    assert judge.name == folder


def test_a_model_without_these_outputs_is_refused(tmp_path: Path) -> None:
    """A reranker, an embedding model and a missing folder are no judges, and the message names the setting."""
    for name in (write_cross_encoder(tmp_path / "one"), BUNDLED, str(tmp_path / "none")):
        with pytest.raises(JudgeUnavailable, match="FOOTNOTE_VERIFIER") as caught:
            CrossEncoderJudge(name).judge(CLAIM, SOURCES)

        assert caught.value.code == "judge_unavailable"


def test_the_judge_decides_but_not_over_facts(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker
) -> None:
    """A judge carries a far paraphrase; it does not carry another number, and its contradiction counts."""
    pieces = [make_evidence("Refunds are paid within 14 days of the return.")]

    certain = Verifier(pieces, bundled, even, judge=Sure(0.97, 0.01))
    opposed = Verifier(pieces, bundled, even, judge=Sure(0.02, 0.95))

    assert certain.check("You get your money back within two weeks.").verdict is Verdict.SUPPORTED
    assert certain.check("Refunds are paid within 30 days of the return.").score < PARTIAL_AT
    against = opposed.check("You get your money back within two weeks.")
    assert against.verdict is Verdict.CONTRADICTED
    assert against.against is not None
    assert against.against[0].slice(against.against[1]).startswith("Refunds are paid")


def test_a_judge_that_fails_supports_nothing(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """The claim counts as unsupported, says why, and the failure is logged."""
    verifier = Verifier([make_evidence("Refunds are paid within 14 days.")], bundled, even, judge=Broken())

    support = verifier.check("Refunds take 14 days to be paid.")

    assert (support.score, support.verdict, support.span) == (0.0, Verdict.UNSUPPORTED, None)
    assert "could not be run" in support.faults[0]
    assert "counts as unsupported" in caplog.text


@pytest.mark.parametrize(
    ("source", "claim", "chosen"),
    [
        (
            "Members borrow 7 books for free. Guests borrow 5 books for free.",
            "Members may borrow 7 books.",
            "Guests",
        ),
        (
            "The fee in Lyon is 7 euros. In other towns the fee is 5 euros.",
            "The fee in Lyon is 7 euros a day.",
            "In ",
        ),
    ],
)
def test_facts_are_those_of_the_stretch_that_the_judge_chose(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker, source: str, claim: str, chosen: str
) -> None:
    """A judge cannot carry a claim by a sentence that has another number."""
    piece = make_evidence(source, "k0f")
    verifier = Verifier([piece], bundled, lambda words: dict.fromkeys(words, 1.0), judge=Fond(chosen))

    support = verifier.check(claim)

    assert support.span is None or not piece.slice(support.span).startswith(chosen) or support.faults
    assert support.verdict not in (Verdict.SUPPORTED, Verdict.PARTIAL) or support.quoted
