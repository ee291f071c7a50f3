"""Settings of the index, each with its unit and the reason for its default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobConfig:
    """How ingestion jobs are run."""

    # Documents in work at once: one slow file must not hold up the next.
    workers: int = 2
    # Seconds after which a job whose worker has fallen silent is given to another.
    lease_s: float = 60.0
    # Seconds without a sign of progress after which a job's worker counts as stuck: the document fails and another
    # worker takes its place. Far above what the parser may take, and what cutting the largest text takes.
    silence_s: float = 900.0
    # A job that ended its process this often is given up. Far above what restarts alone cause.
    max_attempts: int = 25


@dataclass(frozen=True, slots=True)
class ViewConfig:
    """How collections are searched."""

    # Vectors up to which all of them are compared: some milliseconds on one core, and 46 MB at 384 dimensions. Above,
    # short codes choose which are compared.
    exact_up_to: int = 30_000
