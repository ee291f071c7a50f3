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

Questions = Annotated[
    Path,
    typer.Option(
        help="Questions with what is relevant, as JSON lines or CSV: see docs/evaluation.md.",
        exists=True,
        dir_okay=False,
    ),
]
Corpus = Annotated[
    list[Path] | None,
    typer.Option(
        help="File or folder to ingest into a temporary data folder, once or several times. "
        "Default: the collection as it is.",
        exists=True,
    ),
]
Compare = Annotated[
    list[str] | None,
    typer.Option(
        help="Setting of a second configuration to compare with, as mode=dense or max_tokens=256; "
        "several make one configuration."
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for the report.", file_okay=False)]


@evaluation.callback()
def _evaluation() -> None:
    """Measure Footnote on questions of your own."""


@evaluation.command()
def retrieval(
    *,
    questions: Questions,
    collection: Collection = "default",
    corpus: Corpus = None,
    data: Data = None,
    top_k: Annotated[
        int, typer.Option(help="Passages retrieved for each question.", min=1, max=_MOST_PASSAGES)
    ] = 50,
    budgets: Annotated[
        str, typer.Option(help="Budgets of characters in which recall is measured.")
    ] = "2000,4000,8000",
    mode: Annotated[str, typer.Option(help="hybrid, dense or lexical.")] = "hybrid",
    compare: Compare = None,
    out: Out = Path("footnote-eval"),
) -> None:
    """Measure how much of what is relevant is found: recall in characters, nDCG, MRR; alone or compared."""
    check_extra()
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


@evaluation.command()
def answers(
    *,
    questions: Questions,
    collection: Collection = "default",
    corpus: Corpus = None,
    data: Data = None,
    mode: Annotated[str, typer.Option(help="auto, extractive or generative.")] = "auto",
    top_k: Annotated[
        int, typer.Option(help="Passages read for each question.", min=1, max=_MOST_PASSAGES)
    ] = 10,
    compare: Compare = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="Threshold that must be kept, as citation_precision>=0.9 or ece<=0.08, once or several times. "
            "Where one is not, the exit status is 1."
        ),
    ] = None,
    out: Out = Path("footnote-eval"),
) -> None:
    """Measure answers: citations, support, correctness, calibration and abstention; alone or compared."""
    check_extra()
    settings = read_settings(data=data)

    from api.evaluation.answers.run import Options, evaluate  # noqa: PLC0415
    from rag.evaluation.gate import read_requirements  # noqa: PLC0415

    with messages():
        report = evaluate(
            Options(
                questions=questions,
                collection=collection,
                corpus=named_files(corpus) if corpus else None,
                settings=settings,
                compare=tuple(compare or ()),
                out=out,
                mode=mode,
                top_k=top_k,
                requirements=read_requirements(require or ()),
            )
        )
    if report.shortfalls:
        raise typer.Exit(1)


def check_extra() -> None:
    """End the command with what to install, where that is missing."""
    missing = [package for name, package in _EXTRA.items() if find_spec(name) is None]
    if missing:
        fail(
            f"footnote eval needs libraries that are not installed: {', '.join(missing)}. Install them with: "
            f'pip install {" ".join(missing)} (all that it needs is the extra "eval" of this package).'
        )


def _budgets(given: str) -> tuple[int, ...]:
    parts = [part.strip().replace("_", "") for part in given.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        fail(f"--budgets {given}: numbers of characters with commas between, such as 2000,4000,8000.")
    return tuple(sorted({int(part) for part in parts}))
