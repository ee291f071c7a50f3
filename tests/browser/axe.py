"""An accessibility audit of what the browser shows, by axe-core (https://github.com/dequelabs/axe-core, MPL-2.0).

The script is read out of a Python package that carries it, which is never imported; ``FOOTNOTE_AXE`` names another one.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.chromium import Chromium

_PACKAGE = "axe-playwright-python"
_OPTIONS = {"resultTypes": ["violations"]}
MISSING = (
    f"axe-core is not here: install the development dependencies ({_PACKAGE}), or name an axe.min.js in "
    "FOOTNOTE_AXE. Accessibility was NOT checked."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that is broken.

    Attributes:
        impact: minor, moderate, serious or critical.
        where: Selectors of the elements.
    """

    rule: str
    impact: str
    help: str
    where: tuple[str, ...]


def find_axe() -> Path | None:
    """The file of axe-core, or None."""
    if named := os.environ.get("FOOTNOTE_AXE"):
        return Path(named)
    try:
        listed = files(_PACKAGE) or []
    except PackageNotFoundError:
        return None
    return next((Path(str(each.locate())) for each in listed if each.name == "axe.min.js"), None)


def audit(browser: Chromium, axe: Path) -> list[Finding]:
    """Everything that axe objects to on the page as it is now, in shadow roots too."""
    if not browser.run("'axe' in window"):
        browser.run(f"{axe.read_text(encoding='utf-8')}; 'axe is there'")
    found = browser.run(f"axe.run(document, {json.dumps(_OPTIONS)}).then(each => each.violations)")
    return [
        Finding(
            rule=each["id"],
            impact=each["impact"],
            help=each["help"],
            where=tuple(json.dumps(node["target"]) for node in each["nodes"]),
        )
        for each in found
    ]
