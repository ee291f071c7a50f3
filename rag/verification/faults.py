"""What a claim has otherwise than its source."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("number", "unit", "date", "name", "negation", "quantifier", "opposite")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a source does not carry, or has otherwise.

    Attributes:
        kind: One of ``KINDS``.
        told: For a reader, such as "the source says 12, not 15".
        missing: Whether the source only lacks it, and has nothing else in its place.
        elsewhere: Whether it stands in another place of the source.
        replaced: Whether it was found by laying a repeated sentence beside its source.
        settles: Whether the rest of the claim is the source's own, so that nothing but this has to be weighed.
    """

    kind: str
    told: str
    missing: bool = False
    elsewhere: bool = False
    replaced: bool = False
    settles: bool = False
