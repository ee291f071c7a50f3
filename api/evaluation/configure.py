"""The configuration that is measured, and the second one that ``--compare`` describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ingest.config import ChunkConfig, EmbedConfig
from rag.config import RetrieveConfig
from rag.evaluation.errors import InvalidComparison
from rag.retrieve import SEARCH_MODES

if TYPE_CHECKING:
    from api.settings import Settings


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that decides what is found in a corpus."""

    mode: str
    retrieve: RetrieveConfig
    chunk: ChunkConfig
    embed: EmbedConfig

    @classmethod
    def of(cls, settings: Settings, mode: str) -> Configuration:
        """What the service would use.

        Raises:
            InvalidComparison: There is no such mode.
        """
        return cls(
            mode=_mode(mode),
            retrieve=RetrieveConfig(),
            chunk=ChunkConfig(max_tokens=settings.passage_tokens),
            embed=EmbedConfig(model=settings.embedder, precision=settings.embedder_precision),
        )

    @property
    def needs(self) -> tuple[ChunkConfig, EmbedConfig]:
        """What a corpus is ingested with. Configurations that agree in it can share one."""
        return self.chunk, self.embed

    def values(self) -> dict[str, Any]:
        """Every setting by the name that ``--compare`` takes; items of a mapping as ``weights.dense``."""
        found: dict[str, Any] = {"mode": self.mode}
        for part in (self.retrieve, self.chunk, self.embed):
            for field in fields(part):
                value = getattr(part, field.name)
                if isinstance(value, Mapping):
                    found |= {f"{field.name}.{item}": each for item, each in value.items()}
                else:
                    found[field.name] = value
        return found

    def changed(self, assignments: Sequence[str]) -> Configuration:
        """This configuration with some settings changed.

        Args:
            assignments: Such as ``mode=dense``, ``max_tokens=256`` or ``weights.dense=0.7``.

        Raises:
            InvalidComparison: One of them is not a setting, or not a value for it.
        """
        changed = self
        for each in assignments:
            name, equals, value = (part.strip() for part in each.partition("="))
            if not equals or name not in self.values():
                raise InvalidComparison(
                    f"--compare {each}: give NAME=VALUE, with one of {', '.join(self.values())}."
                )
            changed = changed._with(name, value)
        if changed == self:
            raise InvalidComparison(f"--compare {' '.join(assignments)}: that is the first configuration.")
        return changed

    def _with(self, name: str, text: str) -> Configuration:
        if name == "mode":
            return replace(self, mode=_mode(text))
        field, _, item = name.partition(".")
        part = next(each for each in ("retrieve", "chunk", "embed") if hasattr(getattr(self, each), field))
        config = getattr(self, part)
        value: Any = {**getattr(config, field), item: text} if item else text
        # The names that the settings' annotations use, which their modules import for type checkers alone.
        names = {"Mapping": Mapping, "Sequence": Sequence}
        hint = get_type_hints(type(config), localns=names)[field]
        try:
            parsed = TypeAdapter(hint).validate_python(value)
        except ValidationError as error:
            raise InvalidComparison(f"--compare {name}={text}: {error.errors()[0]['msg']}.") from error
        numbers = list(parsed.values()) if isinstance(parsed, Mapping) else [parsed]
        if any(isinstance(number, int | float) and number < 0 for number in numbers):
            raise InvalidComparison(f"--compare {name}={text}: it cannot be negative.")
        # Sizes and counts: none of them can be nothing.
        if type(parsed) is int and parsed == 0 and getattr(config, field) != 0:
            raise InvalidComparison(f"--compare {name}={text}: it must be at least 1.")
        return replace(self, **{part: replace(config, **{field: parsed})})


def names(first: Configuration, second: Configuration) -> tuple[str, str]:
    """What tells two configurations apart, as ``mode=hybrid`` and ``mode=dense``."""
    one, other = first.values(), second.values()
    differ = [name for name in one if one[name] != other[name]]
    return ", ".join(f"{name}={one[name]}" for name in differ), ", ".join(
        f"{name}={other[name]}" for name in differ
    )


def _mode(given: str) -> str:
    if given not in SEARCH_MODES:
        raise InvalidComparison(f"mode is one of {', '.join(SEARCH_MODES)}, not {given!r}.")
    return given
