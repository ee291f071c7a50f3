"""Passages -> evidence: neighbours and parents joined, inside a token budget."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from rag.types import Evidence, Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from index.reading import CatalogReader
    from index.types import StoredPassage

# A section is taken whole when more than this share of it was found, as LlamaIndex's auto-merging does.
_MERGE_SHARE = 0.5
# Passages before and after one that was found that are read with it.
_AROUND = 2
# Passages of the answer before that are read again at most.
_CITED_BEFORE = 3


def gather(
    found: Sequence[Found],
    catalog: CatalogReader,
    *,
    count_tokens: Callable[[str], int],
    budget: int,
    new_keys: Callable[[int], Sequence[str]],
) -> list[Evidence]:
    """Join passages with what stands around them.

    Taken in this order while the budget lasts: the passages by rank, then the rest of each section of which
    most was found and the gaps of one passage, then the neighbours of each passage by rank.

    Args:
        found: Passages, best first.
        catalog: For the passages around them.
        count_tokens: Of the language model that is to read the evidence.
        budget: Tokens that all evidence together may have.
        new_keys: Issues that many keys.

    Returns:
        Evidence, best first. Stretches that touch are one piece, so nothing stands there twice.
    """
    context = _context(found, catalog)
    taken: dict[str, dict[int, StoredPassage]] = defaultdict(dict)
    left = budget
    for passage in _by_priority(found, context):
        if passage.ordinal in taken[passage.document_id]:
            continue
        cost = count_tokens(passage.text)
        if cost > left:
            continue
        taken[passage.document_id][passage.ordinal] = passage
        left -= cost
    return _joined(taken, found, new_keys)


def joined(found: Sequence[Found], new_keys: Callable[[int], Sequence[str]]) -> list[Evidence]:
    """The passages found and nothing else as evidence, best first; those that touch are one piece."""
    taken: dict[str, dict[int, StoredPassage]] = defaultdict(dict)
    for each in found:
        taken[each.passage.document_id][each.passage.ordinal] = each.passage
    return _joined(taken, found, new_keys)


def _joined(
    taken: Mapping[str, dict[int, StoredPassage]],
    found: Sequence[Found],
    new_keys: Callable[[int], Sequence[str]],
) -> list[Evidence]:
    scores = {(each.passage.document_id, each.passage.ordinal): each.score for each in found}
    runs = [run for passages in taken.values() for run in _runs(passages)]
    ranked = sorted(runs, key=lambda run: -max(scores.get((p.document_id, p.ordinal), 0.0) for p in run))
    return [
        _evidence(key, run, max(scores.get((p.document_id, p.ordinal), 0.0) for p in run))
        for key, run in zip(new_keys(len(ranked)), ranked, strict=True)
    ]


def fair_share(found: Sequence[Found], limit: int, per_document: int | None) -> list[Found]:
    """The best passages, of one document only so many as long as others have any.

    One document cannot fill the whole evidence, however many of its passages were written to match a question (as in
    PoisonedRAG, https://arxiv.org/abs/2402.07867). What is over the share follows when there is room: a collection of
    one document is read as before.

    Args:
        found: Passages, best first; more than wanted, so that other documents can come in.
        limit: How many are wanted.
        per_document: The share; None for no limit.

    Returns:
        At most ``limit`` passages, best first, ranked from 1.
    """
    counted: Counter[str] = Counter()
    within: list[Found] = []
    over: list[Found] = []
    for each in found:
        counted[each.passage.document_id] += 1
        fits = per_document is None or counted[each.passage.document_id] <= per_document
        (within if fits else over).append(each)
    kept = (within + over)[:limit]
    kept.sort(key=lambda each: each.rank)
    return [replace(each, rank=rank) for rank, each in enumerate(kept, 1)]


def with_cited(found: Sequence[Found], cited: Sequence[StoredPassage], limit: int) -> list[Found]:
    """Passages found, with those that the answer before quoted among them: they take the last places.

    Args:
        found: Best first.
        cited: In the order in which they were quoted.
        limit: Passages that are read.
    """
    known = {each.passage.id for each in found}
    fresh = [each for each in cited if each.id not in known][:_CITED_BEFORE]
    kept = list(found[: max(1, limit - len(fresh))])
    lowest = min((each.score for each in kept), default=0.0)
    return [
        *kept,
        *(
            Found(each, lowest, rank, {}, {})
            for rank, each in enumerate(fresh[: limit - len(kept)], len(kept) + 1)
        ),
    ]


def evidence_of(found: Found, key: str = "") -> Evidence:
    """One passage alone as evidence."""
    return _evidence(key, [found.passage], found.score)


def _context(found: Sequence[Found], catalog: CatalogReader) -> dict[str, dict[int, StoredPassage]]:
    """Passages around those found, by document and ordinal, in one query: a document's ids follow one another."""
    by_document: dict[str, list[int]] = defaultdict(list)
    for each in found:
        by_document[each.passage.document_id].append(each.passage.id)
    # Far-apart hits in a long document are read separately, not with all that lies between.
    near = {
        document_id: [
            i for each in _clusters(sorted(ids)) for i in range(each[0] - _AROUND, each[-1] + _AROUND + 1)
        ]
        for document_id, ids in by_document.items()
    }
    read = catalog.passages([i for ids in near.values() for i in ids])
    # Beyond a document's ends other documents have their passages.
    return {
        document_id: {
            read[i].ordinal: read[i] for i in ids if i in read and read[i].document_id == document_id
        }
        for document_id, ids in near.items()
    }


def _clusters(ids: Sequence[int], gap: int = 8) -> list[list[int]]:
    clusters: list[list[int]] = []
    for each in ids:
        if clusters and each - clusters[-1][-1] <= gap:
            clusters[-1].append(each)
        else:
            clusters.append([each])
    return clusters


def _by_priority(
    found: Sequence[Found], context: dict[str, dict[int, StoredPassage]]
) -> Iterable[StoredPassage]:
    yield from (each.passage for each in found)
    hit = {(each.passage.document_id, each.passage.ordinal) for each in found}
    for document_id, around in context.items():
        sections: dict[int, list[StoredPassage]] = defaultdict(list)
        for passage in around.values():
            sections[passage.section].append(passage)
        for members in sections.values():
            hits = sum((document_id, passage.ordinal) in hit for passage in members)
            if hits > 1 and hits / len(members) > _MERGE_SHARE:
                yield from members
        for ordinal, passage in around.items():
            if {(document_id, ordinal - 1), (document_id, ordinal + 1)} <= hit:
                yield passage
    for each in found:
        around = context[each.passage.document_id]
        for ordinal in (each.passage.ordinal + 1, each.passage.ordinal - 1):
            if ordinal in around and around[ordinal].section == each.passage.section:
                yield around[ordinal]


def _runs(passages: dict[int, StoredPassage]) -> list[list[StoredPassage]]:
    """Stretches of consecutive passages of one version under the same headings."""
    numbered = enumerate(sorted(passages.values(), key=lambda p: p.ordinal))
    grouped = groupby(
        numbered, key=lambda pair: (pair[1].ordinal - pair[0], pair[1].version, pair[1].headings)
    )
    return [[passage for _, passage in group] for _, group in grouped]


def _evidence(key: str, run: Sequence[StoredPassage], score: float) -> Evidence:
    first = run[0]
    return Evidence(
        key=key,
        document_id=first.document_id,
        version=first.version,
        title=first.title,
        filename=first.filename,
        start=first.start,
        end=run[-1].end,
        text="".join(passage.seen for passage in run),
        headings=first.headings,
        sentences=tuple(span for passage in run for span in passage.sentences),
        score=score,
    )
