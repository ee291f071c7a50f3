"""Citation precision and recall, by what citations support and by the evidence that the questions name.

After Gao, Yen, Yu, Chen: "Enabling Large Language Models to Generate Text with Citations" (ALCE), EMNLP 2023,
https://arxiv.org/abs/2305.14627, sections 4.2 and 4.3: a claim is recalled when its citations together support it. A
citation is precise when its claim is recalled, and it supports the claim alone or the others do not without it. An
answer without a citation has a precision of 0. What supports what is judged by Footnote's own verifier in place of
their NLI model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.evaluation.measures import Range
from rag.evaluation.ranking import finds
from rag.types import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from rag.types import Citation, Claim

    # Whether these citations, and nothing else, support the claim.
    Supports = Callable[[Claim, Sequence[Citation]], bool]


def support_figures(
    claims: Sequence[Claim], citations: Sequence[Citation], supports: Supports
) -> dict[str, float]:
    """Figures of one answer, by what its citations support.

    Args:
        claims: Of an answer that was given; at least one.
        citations: Of the same answer.
        supports: Asked only about claims with several citations; the verdict on a claim already says whether all
            of them together support it.

    Returns:
        ``citation_recall``, ``citation_precision``, and the share of the claims with each verdict.
    """
    by_number = {each.number: each for each in citations}
    precise: list[bool] = []
    recalled = 0
    for claim in claims:
        cited = [by_number[number] for number in claim.citations]
        carried = claim.verdict is Verdict.SUPPORTED and bool(cited)
        recalled += carried
        if len(cited) < 2:  # noqa: PLR2004 - A single citation is needed by what it supports.
            precise += [carried] * len(cited)
            continue
        for at, each in enumerate(cited):
            others = cited[:at] + cited[at + 1 :]
            precise.append(carried and (supports(claim, [each]) or not supports(claim, others)))
    shares = {
        verdict.value: sum(claim.verdict is verdict for claim in claims) / len(claims) for verdict in Verdict
    }
    return {
        "citation_precision": sum(precise) / len(precise) if precise else 0.0,
        "citation_recall": recalled / len(claims),
        **shares,
    }


def evidence_figures(
    cited: Collection[Range], places: Sequence[Range], documents: Collection[str]
) -> dict[str, float]:
    """Figures of one answer, by the evidence that its question names.

    A citation and a place find one another when they share at least half of the shorter one.

    Args:
        cited: What the claims of the answer cite.
        places: Every place that answers the question; empty when the file does not name them all.
        documents: Ids of every document that answers it.

    Returns:
        ``document_precision`` and, with places, ``evidence_precision`` and ``evidence_recall``. Precisions are
        0 for an answer that cites nothing.
    """
    figures = {"document_precision": _share([each.document in documents for each in cited])}
    if places:
        figures["evidence_precision"] = _share(
            [any(finds(each, place) for place in places) for each in cited]
        )
        figures["evidence_recall"] = _share([any(finds(each, place) for each in cited) for place in places])
    return figures


def finds_any(cited: Collection[Range], places: Sequence[Range]) -> bool:
    """Whether one of the citations finds one of the places."""
    return any(finds(each, place) for each in cited for place in places)


def cited_ranges(claims: Sequence[Claim], citations: Sequence[Citation]) -> list[Range]:
    """What the claims of an answer cite, each place once."""
    used = {number for claim in claims for number in claim.citations}
    ranges = (Range(each.document_id, each.start, each.end) for each in citations if each.number in used)
    return list(dict.fromkeys(ranges))


def _share(held: Sequence[bool]) -> float:
    return sum(held) / len(held) if held else 0.0
