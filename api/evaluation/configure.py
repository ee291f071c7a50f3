"""The configuration that is measured, and the second one that ``--compare`` describes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ingest.config import ChunkConfig, EmbedConfig
from rag.calibration import Calibration
from rag.config import RetrieveConfig
from rag.evaluation.errors import InvalidComparison
from rag.personal import Recogniser
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
        return values(self, _PLAIN, _PARTS)

    def changed(self, assignments: Sequence[str]) -> Configuration:
        """This configuration with some settings changed.

        Args:
            assignments: Such as ``mode=dense``, ``max_tokens=256`` or ``weights.dense=0.7``.

        Raises:
            InvalidComparison: One of them is not a setting, or not a value for it.
        """
        return changed(self, assignments, _PLAIN, _PARTS)


class Comparable(Protocol):
    """A configuration, whatever it configures."""

    def values(self) -> dict[str, Any]:
        """Every setting by its name."""


AnyComparable = TypeVar("AnyComparable", bound=Comparable)


def values(configuration: object, plain: Iterable[str], parts: Iterable[str]) -> dict[str, Any]:
    """Settings of a configuration by name.

    Args:
        configuration: A dataclass.
        plain: Its fields that are settings themselves.
        parts: Its fields that are dataclasses of settings; what is inside a mapping or a dataclass in them is named
            as in ``weights.dense``.
    """
    found: dict[str, Any] = {name: getattr(configuration, name) for name in plain}
    for name in parts:
        found |= _flat(getattr(configuration, name))
    return found


def _flat(part: Any) -> dict[str, Any]:
    """Settings of a dataclass; those inside a mapping or another dataclass of settings with a point between."""
    found: dict[str, Any] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, Mapping):
            found |= {f"{field.name}.{item}": each for item, each in value.items()}
        elif is_dataclass(value) and not isinstance(value, Calibration):
            found |= {f"{field.name}.{item}": each for item, each in _flat(value).items()}
        else:
            found[field.name] = value
    return found


def changed(
    configuration: AnyComparable,
    assignments: Sequence[str],
    plain: Mapping[str, Callable[[str], object]],
    parts: Sequence[str],
    read: Mapping[str, Callable[[str], object]] = MappingProxyType({}),
) -> AnyComparable:
    """A configuration with some settings changed.

    Args:
        configuration: A dataclass.
        assignments: Such as ``mode=dense``, ``max_tokens=256`` or ``weights.dense=0.7``.
        plain: By the name of each field that is a setting itself, what reads a value for it.
        parts: Fields that are dataclasses of settings.
        read: By the name of a setting in one of them, what reads a value for it instead of its annotation.

    Raises:
        InvalidComparison: One of them is not a setting, or not a value for it.
    """
    found = configuration
    for each in assignments:
        name, equals, text = (part.strip() for part in each.partition("="))
        known = found.values()
        if not equals or name not in known:
            raise InvalidComparison(f"--compare {each}: give NAME=VALUE, with one of {', '.join(known)}.")
        if name in plain:
            found = _replaced(found, name, plain[name](text))
            continue
        field = name.partition(".")[0]
        part = next(part for part in parts if hasattr(getattr(found, part), field))
        config = getattr(found, part)
        value = replace(config, **{name: read[name](text)}) if name in read else _with(config, name, text)
        found = _replaced(found, part, value)
    if found == configuration:
        raise InvalidComparison(f"--compare {' '.join(assignments)}: that is the first configuration.")
    return found


def _replaced(configuration: AnyComparable, name: str, value: object) -> AnyComparable:
    return cast("AnyComparable", replace(cast("Any", configuration), **{name: value}))


def _with(config: Any, name: str, text: str) -> Any:
    """A dataclass of settings with one of them read from text, as the type that it has."""
    field, _, item = name.partition(".")
    if item and is_dataclass(getattr(config, field)):
        return replace(config, **{field: _with(getattr(config, field), item, text)})
    value: Any = {**getattr(config, field), item: text} if item else text
    # The names that the settings' annotations use, which their modules import for type checkers alone.
    names = {"Mapping": Mapping, "Sequence": Sequence, "Calibration": Calibration, "Recogniser": Recogniser}
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
    return replace(config, **{field: parsed})


def names(first: Comparable, second: Comparable) -> tuple[str, str]:
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


# The settings of a search: what reads the plain ones, and where the others are.
_PLAIN: Mapping[str, Callable[[str], object]] = {"mode": _mode}
_PARTS = ("retrieve", "chunk", "embed")
