"""The configuration whose answers are measured, and the second one that ``--compare`` describes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from api.evaluation.configure import changed, values
from ingest.config import ChunkConfig, EmbedConfig
from rag.calibration import Calibration, read_calibration
from rag.config import AnswerConfig, ExtractConfig, RetrieveConfig
from rag.evaluation.errors import InvalidComparison
from rag.types import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from api.settings import Settings
    from rag.answer import Answerer

_Config = TypeVar("_Config", RetrieveConfig, ExtractConfig, AnswerConfig)
_MODES = ("auto", *(mode.value for mode in Mode))


@dataclass(frozen=True, slots=True)
class AnswerConfiguration:
    """Everything that decides what is answered from a corpus.

    Attributes:
        mode: auto, extractive or generative.
        gateway_model: What the gateway is asked for in a generative answer.
        top_k: Passages read for each question.
    """

    mode: str
    gateway_model: str
    top_k: int
    retrieve: RetrieveConfig
    extract: ExtractConfig
    answer: AnswerConfig
    chunk: ChunkConfig
    embed: EmbedConfig

    @classmethod
    def of(cls, settings: Settings, mode: str, top_k: int) -> AnswerConfiguration:
        """What the service would use.

        Raises:
            InvalidComparison: There is no such mode.
        """
        return cls(
            mode=_mode(mode),
            gateway_model=settings.model,
            top_k=top_k,
            retrieve=RetrieveConfig(),
            extract=ExtractConfig(),
            answer=AnswerConfig(evidence_tokens=settings.evidence_tokens),
            chunk=ChunkConfig(max_tokens=settings.passage_tokens),
            embed=EmbedConfig(model=settings.embedder, precision=settings.embedder_precision),
        )

    @property
    def needs(self) -> tuple[ChunkConfig, EmbedConfig]:
        """What a corpus is ingested with. Configurations that agree in it can share one."""
        return self.chunk, self.embed

    def values(self) -> dict[str, Any]:
        """Every setting by the name that ``--compare`` takes; a calibration by its id."""
        found = values(self, _PLAIN, _PARTS)
        return {name: each.id if isinstance(each, Calibration) else each for name, each in found.items()}

    def changed(self, assignments: Sequence[str]) -> AnswerConfiguration:
        """This configuration with some settings changed.

        Raises:
            InvalidComparison: One of them is not a setting, or not a value for it.
        """
        return changed(self, assignments, _PLAIN, _PARTS, _READ)

    def applied(self, answerer: Answerer, first: AnswerConfiguration) -> tuple[Answerer, AnswerConfiguration]:
        """The service's answerer with what this configuration changes, and all settings that it then has.

        Args:
            answerer: As the service was built from its settings.
            first: The configuration without changes.
        """
        found = replace(
            answerer,
            retrieve_config=_changes(answerer.retrieve_config, first.retrieve, self.retrieve),
            extract_config=_changes(answerer.extract_config, first.extract, self.extract),
            config=_changes(answerer.config, first.answer, self.answer),
        )
        settings = replace(
            self, retrieve=found.retrieve_config, extract=found.extract_config, answer=found.config
        )
        return found, settings


def _changes(actual: _Config, first: _Config, wanted: _Config) -> _Config:
    differ = {
        field.name: getattr(wanted, field.name)
        for field in fields(wanted)
        if getattr(wanted, field.name) != getattr(first, field.name)
    }
    return replace(actual, **differ)


def _mode(given: str) -> str:
    if given not in _MODES:
        raise InvalidComparison(f"mode is one of {', '.join(_MODES)}, not {given!r}.")
    return given


def _count(given: str) -> int:
    if not given.isdecimal() or int(given) < 1:
        raise InvalidComparison(f"top_k is a whole number from 1, not {given!r}.")
    return int(given)


def _calibration(given: str) -> Calibration:
    return read_calibration(Path(given))


_PLAIN: Mapping[str, Callable[[str], object]] = {"mode": _mode, "gateway_model": str, "top_k": _count}
# Settings within the parts that are read in a way of their own.
_READ = {"calibration": _calibration}
_PARTS = ("retrieve", "extract", "answer", "chunk", "embed")
