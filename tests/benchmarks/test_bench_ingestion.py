"""The arithmetic of the ingestion benchmark, and what every peer's script does."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.ingestion import PEERS, SCRIPTS, available, environment, order, some, summed

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(scope="module")
def common() -> ModuleType:
    """What the peers' scripts share; it is imported from its folder, as they do it."""
    spec = importlib.util.spec_from_file_location("peers_common", SCRIPTS / "common.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files_are_chosen_until_there_is_enough(tmp_path: Path) -> None:
    """In their order; the one that reaches the size is the last."""
    paths = [tmp_path / str(number) for number in range(4)]
    for path in paths:
        path.write_bytes(b"x" * 10)

    assert some(paths, 11) == paths[:2]
    assert some(paths, 20) == paths[:2]
    assert some(paths, 1000) == paths


def test_every_second_round_is_backwards() -> None:
    """So that warmth and heat of the machine favour nobody."""
    assert order(["a", "b", "c"], 0) == ["a", "b", "c"]
    assert order(["a", "b", "c"], 1) == ["c", "b", "a"]


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which the machine was slow counts like another."""
    rounds = [
        {"footnote": {"kb_per_s": 60.0, "encoder_share": 0.9}, "peer": {"kb_per_s": 20.0}},
        {"footnote": {"kb_per_s": 30.0, "encoder_share": 0.8}, "peer": {"kb_per_s": 15.0}},
        {"footnote": {"kb_per_s": 80.0, "encoder_share": 1.0}, "peer": {"kb_per_s": 20.0}},
    ]

    found = summed(rounds)

    assert found["footnote"] == {"kb_per_s": 60.0, "encoder_share": 0.9}
    assert found["peer"]["service_is_faster"] == {"median": 3.0, "least": 2.0, "most": 4.0}


def test_only_peers_with_an_environment_are_run(tmp_path: Path) -> None:
    """None at all is an error that says how they are made."""
    with pytest.raises(SystemExit, match=r"scripts/peers\.sh"):
        available(tmp_path)
    python = environment(tmp_path, "txtai_hybrid")
    python.parent.mkdir(parents=True)
    python.touch()

    assert python == tmp_path / "txtai" / "bin" / "python"
    assert available(tmp_path) == ["txtai_hybrid"]
    assert all((SCRIPTS / f"{name}.py").is_file() for name in PEERS)


def test_passages_hold_all_words_of_a_text_in_order(common: ModuleType) -> None:
    """Peers take in the same text, whatever stands between its words."""
    text = "\n".join(f"word{number}  and" for number in range(260))

    passages = common.cut(text)

    assert " ".join(passages).split() == text.split()
    assert [len(passage.split()) for passage in passages] == [100] * 5 + [20]


def test_a_peer_is_timed_and_asked(
    common: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It gets so many passages as are wanted, and each question once."""

    class Memory:
        packages = ("numpy",)
        passages: tuple[str, ...] = ()

        def load(self) -> None:
            assert not self.passages

        def index(self, passages: list[str]) -> None:
            self.passages = tuple(passages)

        def search(self, question: str) -> list[str]:
            return [passage for passage in self.passages if question in passage]

    (tmp_path / "b.txt").write_text("two " * 150)
    (tmp_path / "a.txt").write_text("one " * 50)
    (tmp_path / "questions").write_text("one\ntwo\n")
    peer = Memory()
    monkeypatch.setattr(
        "sys.argv", ["peer", str(tmp_path), "--passages", "2", "--questions", str(tmp_path / "questions")]
    )

    common.main(peer)

    found = json.loads(capsys.readouterr().out)
    assert peer.passages == (" ".join(["one"] * 50), " ".join(["two"] * 100))
    assert (found["passages"], found["kb"], len(found["search_ms"])) == (2, 0.6, 2)
    assert list(found["versions"]) == ["numpy"]
