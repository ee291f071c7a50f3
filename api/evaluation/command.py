"""``footnote eval``. Heavy libraries are imported when a command runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from api.terminal import Collection, Data, fail, messages, named_files, read_settings

evaluation = typer.Typer(
    help="Measure Footnote on questions of your own.", no_args_is_help=True, add_completion=False
)
# What the extra "eval" installs, by the name under which it is imported.
_EXTRA = {"ir_measures": "ir-measures", "matplotlib": "matplotlib", "scipy": "scipy"}
# The search asks each view for twice as many hits; more would measure the views' depth, not the answers' sources.
_MOST_PASSAGES = 200


@evaluation.callback()
def _evaluation() -> None:
    """Measure Footnote on questions of your own."""


@evaluation.command()
def retrieval(
    *,
    questions: Annotated[
        Path,
        typer.Option(
            help="Questions with what is relevant, as JSON lines or CSV: see docs/evaluation.md.",
            exists=True,
            dir_okay=False,
        ),
    ],
    collection: Collection = "default",
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            help="File or folder to ingest into a temporary data folder, once or several times. "
            "Default: the collection as it is.",
            exists=True,
        ),
    ] = None,
    data: Data = None,
    top_k: Annotated[
        int, typer.Option(help="Passages retrieved for each question.", min=1, max=_MOST_PASSAGES)
    ] = 50,
    budgets: Annotated[
        str, typer.Option(help="Budgets of characters in which recall is measured.")
    ] = "2000,4000,8000",
    mode: Annotated[str, typer.Option(help="hybrid, dense or lexical.")] = "hybrid",
    compare: Annotated[
        list[str] | None,
        typer.Option(
            help="Setting of a second configuration to compare with, as mode=dense or max_tokens=256; "
            "several make one configuration."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report.", file_okay=False)] = Path(
        "footnote-eval"
    ),
) -> None:
    """Measure how much of what is relevant is found: recall in characters, nDCG, MRR; alone or compared."""
    missing = [package for name, package in _EXTRA.items() if find_spec(name) is None]
    if missing:
        fail(
            f"footnote eval needs libraries that are not installed: {', '.join(missing)}. Install them with: "
            f'pip install {" ".join(missing)} (all that it needs is the extra "eval" of this package).'
        )
    limits = _budgets(budgets)
    settings = read_settings(data=data)

    from api.evaluation.retrieval import Options, evaluate  # noqa: PLC0415
    from rag.evaluation.retrieval import Plan  # noqa: PLC0415

    with messages():
        evaluate(
            Options(
                questions=questions,
                collection=collection,
                corpus=named_files(corpus) if corpus else None,
                settings=settings,
                plan=Plan(limits, top_k),
                mode=mode,
                compare=tuple(compare or ()),
                out=out,
            )
        )


def _budgets(given: str) -> tuple[int, ...]:
    parts = [part.strip().replace("_", "") for part in given.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        fail(f"--budgets {given}: numbers of characters with commas between, such as 2000,4000,8000.")
    return tuple(sorted({int(part) for part in parts}))
