"""Thresholds that an evaluation must keep, as ``citation_precision>=0.9``: what a CI job is failed by."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.evaluation.errors import InvalidRequirement
from rag.evaluation.figures import LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_FORM = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?|-?\.\d+)\s*(%?)\s*")
_RELATIONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
_WORDS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One threshold.

    Attributes:
        key: Of the figure.
        relation: One of ``<=``, ``>=``, ``<`` and ``>``.
        value: In the unit of the figure.
    """

    key: str
    relation: str
    value: float

    def holds(self, figure: float) -> bool:
        """Whether a figure keeps it."""
        return bool(_RELATIONS[self.relation](figure, self.value))

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.key}{self.relation}{self.value:g}"


def read_requirements(given: Sequence[str], known: Collection[str] = LABELS) -> tuple[Requirement, ...]:
    """Read thresholds.

    Args:
        given: Such as ``ece<=0.08`` or ``citation_precision >= 90%``.
        known: The figures that there are.

    Raises:
        InvalidRequirement: One has another form, or names a figure that there is not.
    """
    found = []
    for each in given:
        match = _FORM.fullmatch(each)
        if match is None or match[1] not in known:
            raise InvalidRequirement(
                f"--require {each!r}: give FIGURE>=NUMBER or FIGURE<=NUMBER, with one of {', '.join(known)}."
            )
        found.append(Requirement(match[1], match[2], float(match[3]) / (100 if match[4] else 1)))
    return tuple(found)


def shortfalls(
    requirements: Sequence[Requirement], figures: Mapping[str, float], labels: Mapping[str, str] = LABELS
) -> list[str]:
    """A plain sentence for each threshold that is not kept.

    A figure that could not be measured keeps no threshold: a gate that nothing was measured for must not open.

    Args:
        requirements: The thresholds.
        figures: What was measured.
        labels: What a reader calls each figure.
    """
    sentences = []
    for each in requirements:
        name = f"{labels[each.key][:1].upper()}{labels[each.key][1:]} ({each.key})"
        if each.key not in figures:
            sentences.append(
                f"{name} could not be measured: no question of the file, or no answer given, says anything about it."
            )
        elif not each.holds(figures[each.key]):
            wanted = _WORDS[each.relation]
            sentences.append(f"{name} is {figures[each.key]:.4g}, but must be {wanted} {each.value:g}.")
    return sentences
