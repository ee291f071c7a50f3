"""Pairs -> rows of features, by the verifier itself, kept in a folder because it takes minutes."""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from rich.progress import track

from benchmarks.verification.mutations import KINDS, mutate, reworded
from benchmarks.verification.pairs import attributionbench, scifact, true_pairs, wice
from benchmarks.verification.remembered import Remembered
from ingest.sentences import sentence_spans
from rag.types import Evidence
from rag.verification.faults import Fault
from rag.verification.model import Forest, Model, Models
from rag.verification.text import words_of
from rag.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.verification.pairs import Pair
    from ingest.embed import Embedder

# Written by somebody else than the source's author: these are not put in other words.
_PARAPHRASES = ("squad2 questions", "clapnq", "wice", "attributionbench", "scifact")
CHANGED = KINDS[:6]


@dataclass(frozen=True, slots=True)
class Row:
    """A claim compared with its sources.

    Attributes:
        set: "attributionbench", "wice", "scifact" or "mutated".
        kind: Of a mutated row: "true", "moved" or what was changed.
        family: Of the pair.
        group: Rows of one group are never split.
        id: Of the pair.
        claim: As it was checked.
        label: Of the pair; 0 for what was changed.
        features: By name.
        faults: As (kind, told, missing, settles).
        near: Numbers of the sentences that were looked at.
        chosen: Of these, those that carry the claim together.
    """

    set: str
    kind: str
    family: str
    group: str
    id: str
    claim: str
    label: int
    features: dict[str, float]
    faults: list[tuple[str, str, bool, bool]]
    near: list[int]
    chosen: list[int]

    def found(self) -> list[Fault]:
        """The faults, as the verifier has them."""
        return [
            Fault(kind, told, missing=missing, settles=settles)
            for kind, told, missing, settles in self.faults
        ]


def collect(
    data: Path, keep: Path, count: int, seed: int, embedder: Embedder, *, vectors: bool
) -> dict[str, list[Row]]:
    """Rows of all four sets, with the vectors of the embedder or without any."""
    keep.mkdir(parents=True, exist_ok=True)
    remembered = Remembered(embedder)
    sets: dict[str, Callable[[], list[tuple[str, Pair]]]] = {
        "attributionbench": lambda: [("", pair) for pair in attributionbench(data)],
        "wice": lambda: [("", pair) for pair in wice(data)],
        "scifact": lambda: [("", _gold(pair)) for pair in scifact(data)],
        "mutated": lambda: mutated(data, count, seed),
    }
    found = {}
    for name, pairs in sets.items():
        path = keep / f"{name}{'' if vectors else '-bare'}.json"
        if not path.is_file():
            rows = _rows(name, pairs(), remembered, vectors=vectors)
            path.write_text(json.dumps([asdict(row) for row in rows]))
        found[name] = [Row(**row) for row in json.loads(path.read_text())]
    return found


def mutated(data: Path, count: int, seed: int) -> list[tuple[str, Pair]]:
    """True pairs, each with its mutations, and with another passage of its family in the place of its own."""
    chance = random.Random(seed)
    # Passages are cut into sentences as the service cuts them, whatever the set does.
    pairs = [replace(pair, sentences=()) for pair in true_pairs(data, count, seed)]
    families: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        families[pair.family.split("/")[0]].append(pair)
    found: list[tuple[str, Pair]] = []
    for pair in pairs:
        family = pair.family.split("/")[0]
        claim = pair.claim if family in _PARAPHRASES else reworded(pair.claim, chance)
        found.append(("true", replace(pair, claim=claim)))
        others = [each.claim for each in families[family]]
        for kind in CHANGED:
            changed = mutate(kind, claim, others, pair.sources[0], chance)
            if changed:
                found.append((kind, replace(pair, claim=changed, label=0)))
        # Of SQuAD another paragraph of the same article, which is harder to tell from the right one.
        elsewhere = [
            each for each in families[family] if each.sources != pair.sources and each.claim != pair.claim
        ]
        same = [each for each in elsewhere if each.group == pair.group] if family.startswith("squad2") else []
        other = chance.choice(same or elsewhere)
        found.append(("moved", replace(pair, claim=claim, sources=other.sources, label=0)))
    return found


def _gold(pair: Pair) -> Pair:
    kept = tuple(pair.sentences[at] for at in sorted(pair.gold[0]))
    return replace(pair, sources=(" ".join(kept),), sentences=kept)


def evidence_of(pair: Pair) -> list[Evidence]:
    """The sources of a pair as pieces of evidence."""
    if pair.sentences:
        ends = np.cumsum([len(each) + 1 for each in pair.sentences]).tolist()
        starts = [0, *ends[:-1]]
        return [
            _piece(0, "".join(f"{each}\n" for each in pair.sentences), list(zip(starts, ends, strict=True)))
        ]
    return [_piece(number, text, sentence_spans(text)) for number, text in enumerate(pair.sources)]


def _piece(number: int, text: str, spans: Sequence[tuple[int, int]]) -> Evidence:
    return Evidence(f"k{number}", f"d{number}", 1, "", "", 0, len(text), text, (), tuple(spans), 1.0)


def _rows(name: str, pairs: list[tuple[str, Pair]], embedder: Remembered, *, vectors: bool) -> list[Row]:
    rarity = _rarity([pair for _, pair in pairs])
    models = unfitted(embedder.fingerprint if vectors else "")
    by_source: dict[tuple[str, ...], list[tuple[str, Pair]]] = defaultdict(list)
    for kind, pair in pairs:
        by_source[pair.sentences or pair.sources].append((kind, pair))
    if vectors:
        embedder.learn(pair.claim for _, pair in pairs)
        sources = (evidence_of(pair) for _, pair in pairs)
        embedder.learn(
            piece.slice(span).strip() for each in sources for piece in each for span in piece.sentences
        )
    rows = []
    for same in track(by_source.values(), description=name):
        verifier = Verifier(evidence_of(same[0][1]), cast("Embedder", embedder), rarity, models=models)
        for kind, pair in same:
            compared = verifier.compare(pair.claim)
            if compared is None:
                continue
            near, found = compared
            rows.append(
                Row(
                    set=name,
                    kind=kind,
                    family=pair.family.split("/")[0],
                    group=f"{pair.family.split('/')[0].split()[0]}:{pair.group}",
                    id=pair.id,
                    claim=pair.claim,
                    label=pair.label,
                    features={key: round(float(value), 5) for key, value in found.features.items()},
                    faults=[(each.kind, each.told, each.missing, each.settles) for each in found.faults],
                    near=[int(at) for at in near],
                    chosen=[int(at) for at in found.chosen],
                )
            )
    return rows


def _rarity(pairs: Sequence[Pair]) -> Callable[[Sequence[str]], Mapping[str, float]]:
    """Inverse frequency over the sentences of a set, as a collection's index has it."""
    frequency: Counter[str] = Counter()
    total = 0
    for source in {pair.sentences or pair.sources for pair in pairs}:
        for text in source:
            for start, end in sentence_spans(text):
                frequency.update(set(words_of(text[start:end].strip()).stems))
                total += 1
    return lambda stems: {stem: math.log((total + 1) / (frequency[stem] + 1)) for stem in stems}


def unfitted(embedder: str) -> Models:
    """Models that decide nothing, for comparing before any were fitted."""
    none = np.zeros(0)
    leaf = Forest(
        np.zeros(1, np.int64),
        np.full(1, -1),
        np.zeros(1),
        np.zeros(1, int),
        np.zeros(1, int),
        np.full(1, 0.5),
        0,
    )
    model = Model((), none, none, none, 0.0, leaf, 0.0, 1.0, 0.0)
    return Models("unfitted", embedder, model, model, model)
