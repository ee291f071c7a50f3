"""What checking costs: each text is read once, no text is hostile enough to stop it, and time that is up is told."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag.claims import split_claims
from rag.config import GatewayConfig
from rag.disagree import Sentence, disagreements
from rag.ground import Source, ground_in_collection, ground_in_sources
from rag.types import Verdict
from rag.values import taken_apart
from rag.verification.sentences import LONGEST_WORDS
from rag.verification.text import words_of
from rag.verify import Verifier
from tests.doubles.embedder import HashingEmbedder
from tests.rag.test_answer import answerer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    from tests.rag.conftest import EvidenceMaker, VerifierMaker
    from tests.rag.library import Library


def even(words: Sequence[str]) -> Mapping[str, float]:
    """Every word counts the same."""
    return dict.fromkeys(words, 1.0)


@contextmanager
def calls_of(function: Callable[..., object]) -> Iterator[list[int]]:
    """How often a function is called within, as the one number of the list."""
    count = [0]

    def seen(frame: FrameType, event: str, _argument: object) -> None:
        count[0] += event == "call" and frame.f_code is function.__code__

    sys.setprofile(seen)
    try:
        yield count
    finally:
        sys.setprofile(None)


def test_sources_are_not_read_again_for_each_claim(make_evidence: EvidenceMaker) -> None:
    """However many sentences there are, a further claim costs the reading of a few texts and not of all of them."""
    text = " ".join(f"Member number {at} lives in house {at}." for at in range(5_000))
    verifier = Verifier([make_evidence(text)], HashingEmbedder(), even)
    verifier.check("A member lives in house 17.")
    before = words_of.cache_info().misses

    verifier.check("Some member lives in house 4711.")

    assert words_of.cache_info().misses - before < 100


def test_what_a_sentence_says_is_taken_apart_once_for_all_footnotes(make_evidence: EvidenceMaker) -> None:
    """Footnotes times sentences are compared, but each sentence is read once."""
    mine = make_evidence(" ".join(f"The house of Moor has {at} large rooms." for at in range(20)), "k1f")
    theirs = make_evidence(" ".join(f"The house of Hale has {at} large rooms." for at in range(30)), "k2f")
    others = [Sentence(theirs, span) for span in theirs.sentences]
    cited = [Sentence(mine, span) for span in mine.sentences]

    with calls_of(taken_apart) as calls:
        for each in cited:
            disagreements("How many rooms has the house?", each, others, {})

    assert calls[0] <= len(cited) + len(others)


def test_marks_that_nothing_closes_come_to_an_end(make_evidence: EvidenceMaker) -> None:
    """A sentence of opened quotations is compared; following each in every way would never end."""
    hostile = make_evidence("The house has 5 large rooms 'x" + "'aaaaaaaaaa" * 60, "k1f")
    plain = make_evidence("The house has 6 large rooms and a yard.", "k2f")

    found = disagreements(
        "", Sentence(hostile, (0, len(hostile.text))), [Sentence(plain, plain.sentences[0])], {}
    )

    assert isinstance(found, list)


def test_a_sentence_without_end_is_compared_in_parts(make_verifier: VerifierMaker) -> None:
    """The parts are of the source, none is longer than the limit, and what one of them says is still found."""
    source = "up more high " * 5_000 + "and members may borrow seven books at a time"

    support = make_verifier(source).check("Members may borrow 7 books at a time.")

    assert support.verdict is not Verdict.UNSUPPORTED
    assert support.span is not None
    start, end = support.span
    assert len(words_of(source[start:end])) <= 3 * LONGEST_WORDS
    assert "seven books" in source[start:end]


def test_a_claim_without_end_is_not_checked_and_says_so(make_verifier: VerifierMaker) -> None:
    """A claim that is too long to be compared word by word fails closed."""
    support = make_verifier("Prices are up.").check("up more high " * 1_000)

    assert support.verdict is Verdict.UNSUPPORTED
    assert "cut it into sentences" in support.faults[0]


def test_places_for_a_cut_do_not_each_read_the_sentence() -> None:
    """The regular expressions of a clause are run over a sentence once, not once for each "and" in it."""
    text = "if it is so and it was so " * 400
    searches: list[str] = []

    def seen(_frame: FrameType, event: str, called: object) -> None:
        name = getattr(called, "__name__", "")
        if event == "c_call" and name in ("search", "findall", "finditer", "count"):
            searches.append(name)

    sys.setprofile(seen)
    try:
        pieces = split_claims(text)
    finally:
        sys.setprofile(None)

    assert len(searches) < 200
    assert "".join(piece.text for piece in pieces).count("so") == 800


def test_a_claim_after_the_deadline_is_unsupported_and_may_be_sent_again(
    make_evidence: EvidenceMaker,
) -> None:
    """Nothing is read when the time is up, and the claim is told apart from one that no source carries."""
    piece = make_evidence("Refunds are paid within 14 days.")
    late = Verifier([piece], HashingEmbedder(), even, deadline=time.monotonic())
    early = Verifier([piece], HashingEmbedder(), even, deadline=time.monotonic() + 600)

    support = late.check("Refunds are paid within 14 days.")

    assert (support.verdict, support.score, support.evidence) == (Verdict.UNSUPPORTED, 0.0, None)
    assert "ran out of time" in support.faults[0]
    assert early.check("Refunds are paid within 14 days.").verdict is Verdict.SUPPORTED


def test_a_text_is_grounded_for_as_long_as_an_answer_may_take(library: Library) -> None:
    """Against a collection and against sources, claims that the time does not suffice for say that."""
    library.add("Refunds are paid within 14 days.", collection="deadline")
    claims = split_claims("Refunds are paid within 14 days. Hello!")

    for seconds, verdict in ((600.0, Verdict.SUPPORTED), (1e-9, Verdict.UNSUPPORTED)):
        service = answerer_of(library, None, GatewayConfig(None, deadline_s=seconds))
        given = [Source("a", "A", "Refunds are paid within 14 days.")]
        for found in (
            ground_in_collection(claims, "deadline", service),
            ground_in_sources(claims, given, service),
        ):
            refunds, hello = found.claims
            assert refunds.claim.verdict is verdict
            assert (seconds > 1) is not any("ran out of time" in fault for fault in refunds.faults)
            assert not hello.claim.needs_source
