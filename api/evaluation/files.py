"""The files of a report: report.json for programs, report.html for people, and its drawings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from api.evaluation.page import page
from api.evaluation.plots import draw
from api.evaluation.report import as_json
from rag.evaluation.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from api.evaluation.report import Report


def write(report: Report, folder: Path) -> list[str]:
    """Write a report into a folder, over an earlier one.

    Returns:
        The names of the files, the page first.

    Raises:
        EvaluationError: The folder cannot be written.
    """
    drawings = draw(report)
    return write_files(
        {"report.html": page(report, drawings), "report.json": text(as_json(report)), **drawings}, folder
    )


def text(content: dict[str, Any]) -> str:
    """The text of a JSON file."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def write_files(contents: Mapping[str, str], folder: Path) -> list[str]:
    """Write files into a folder, over earlier ones.

    Returns:
        Their names.

    Raises:
        EvaluationError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, each in contents.items():
            # A file name that is not UTF-8 is shown by its escapes.
            (folder / name).write_text(each, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise EvaluationError(
            f"--out {folder}: {error.strerror}. Name a folder that can be written."
        ) from error
    return list(contents)
