"""What is wrong with the content of a calibration file, said before it decides about any answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rag.types import Mode

if TYPE_CHECKING:
    from collections.abc import Collection

# Every signal that an answer has, of either mode: what a calibration may weigh.
SIGNALS = frozenset(
    {
        *("passage_cosine", "passage_margin", "views_agree", "sentence_answers"),
        *("sentence_cosine", "sentence_coverage", "context_coverage", "rarest_covered"),
        *("names_covered", "numbers_covered", "type_match"),
        *("support", "unsupported_share", "invented_keys", "altered_quotes"),
        *("rewritten_share", "dropped_share", "disagreements"),
    }
)
_ARRAYS = ("mean", "scale", "weights")
_RISK = ("threshold", "error", "coverage")


def problem(found: Any, known: Collection[str] = SIGNALS) -> str:
    """What makes the content of a file no calibration; empty when nothing does.

    Args:
        found: Decoded JSON.
        known: Signals that it may weigh.
    """
    if not isinstance(found, dict):
        return "it is not a JSON object"
    if not isinstance(found.get("id"), str) or not found["id"]:
        return "'id' must be a name"
    return _signals(found, known) or _numbers(found) or _about(found) or _lists(found)


def _signals(found: dict[str, Any], known: Collection[str]) -> str:
    signals = found.get("signals")
    if not isinstance(signals, list) or not all(isinstance(each, str) for each in signals):
        return "'signals' must be a list of names"
    if len(set(signals)) < len(signals):
        return "'signals' names one twice"
    if "sufficiency" in signals:
        return "it was made by an earlier version, whose 'sufficiency' was on another scale"
    if strange := sorted(set(signals) - set(known)):
        return f"no answer has the signal {strange[0]!r}; there are {', '.join(sorted(known))}"
    return ""


def _numbers(found: dict[str, Any]) -> str:
    for name in _ARRAYS:
        values = found.get(name)
        if not isinstance(values, list) or not all(map(_is_number, values)):
            return f"{name!r} must be a list of finite numbers"
        if len(values) != len(found["signals"]):
            return f"{name!r} has {len(values)} numbers for {len(found['signals'])} signals"
    if min(found["scale"], default=1.0) <= 0:
        return "'scale' must be above 0"
    if not _is_number(found.get("intercept")):
        return "'intercept' must be a finite number"
    if not _is_share(found.get("abstain_below")):
        return "'abstain_below' must be a number from 0 to 1"
    return ""


def _about(found: dict[str, Any]) -> str:
    if found.get("mode", Mode.EXTRACTIVE) not in tuple(Mode):
        return f"'mode' must be {' or '.join(Mode)}, not {found['mode']!r}"
    if not isinstance(found.get("fitted_on", ""), str):
        return "'fitted_on' must be words"
    if not _is_count(found.get("answers", 0)):
        return "'answers' must be a whole number from 0"
    return ""


def _lists(found: dict[str, Any]) -> str:
    risk = found.get("risk", [])
    if not isinstance(risk, list) or not all(_is_row(each, _RISK) for each in risk):
        return f"each point of 'risk' must have {', '.join(_RISK)} and nothing else"
    if not all(_is_share(each[name]) for each in risk for name in _RISK) or not all(
        each["coverage"] for each in risk
    ):
        return "the numbers of 'risk' must be from 0 to 1, 'coverage' above 0"
    warnings = found.get("warnings", [])
    if not isinstance(warnings, list) or not all(
        _is_row(each, ("code", "message", "seen", "wanted")) for each in warnings
    ):
        return "each of 'warnings' must have code, message, seen, wanted and nothing else"
    if not all(_is_count(each["seen"]) and _is_count(each["wanted"]) for each in warnings):
        return "what 'warnings' count must be whole numbers from 0"
    return ""


def _is_row(value: Any, names: Collection[str]) -> bool:
    return isinstance(value, dict) and value.keys() == set(names)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
