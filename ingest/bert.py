"""The forward pass of a BERT encoder, written for CPUs: nothing is padded, and weights lie as the kernels want them.

Devlin and others: "BERT", https://arxiv.org/abs/1810.04805. Texts are laid end to end, so that all that is done token
by token is one multiplication for a whole batch. Attention alone is done text by text, texts of one length together.
"""

from __future__ import annotations

from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

# From this many tokens on, attention in bfloat16 is quicker as two batched products around a softmax than as torch's
# fused kernel, which multiplies 32 rows at a time: 370 against 540 microseconds for 100 tokens in one layer.
_FUSED_BELOW = 64


class Bert:
    """A BERT encoder's weights and its forward pass. Threads may share one."""

    def __init__(self, model: Any, dtype: torch.dtype, *, packed: bool) -> None:
        """Copy the weights of a model.

        Args:
            model: ``transformers.BertModel``, see ``is_bert``.
            dtype: What the matrices are multiplied in; sums and norms are in float32 either way.
            packed: Whether weights are laid out by oneDNN, which this build of torch must then have.
        """
        inputs, config = model.embeddings, model.config
        self._heads = config.num_attention_heads
        self._eps = config.layer_norm_eps
        self._words = inputs.word_embeddings.weight.detach().to(dtype)
        # A single text is all of the first type.
        places = inputs.position_embeddings.weight + inputs.token_type_embeddings.weight[0]
        self._places = places.detach().to(dtype)
        self._norm = _weights(inputs.LayerNorm)
        self._layers = [_Layer(layer, self._heads, dtype, packed=packed) for layer in model.encoder.layer]

    def __call__(self, ids: Tensor, lengths: Sequence[int]) -> Tensor:
        """Read texts.

        Args:
            ids: int64, shape (tokens of all texts,), text after text, with their special tokens.
            lengths: Tokens of each text. Texts of one length that follow one another are computed together.

        Returns:
            float32, shape (tokens of all texts, dimensions): the last layer's output for each token.
        """
        runs = [(length, sum(1 for _ in group)) for length, group in groupby(lengths)]
        places = torch.cat([self._places[:length].repeat(count, 1) for length, count in runs])
        read = self._normalised(self._words[ids] + places, self._norm)
        for layer in self._layers:
            mixed = self._attend(layer.query_key_value(read), runs)
            read = self._normalised(layer.out.plus(mixed, read), layer.norm)
            read = self._normalised(layer.down.plus(layer.up.gelu(read), read), layer.last_norm)
        return read.float()

    def _normalised(self, rows: Tensor, weights: tuple[Tensor, Tensor]) -> Tensor:
        # The kernel itself takes rows in bfloat16 with weights in float32; its usual wrapper does not.
        return torch.native_layer_norm(rows, rows.shape[-1:], *weights, self._eps)[0]

    def _attend(self, projected: Tensor, runs: list[tuple[int, int]]) -> Tensor:
        """Attention of each text to itself; rows of ``projected`` hold query, key and value of one token."""
        width = projected.shape[1] // 3
        mixed = []
        ends = accumulate(length * count for length, count in runs)
        for (length, count), end in zip(runs, ends, strict=True):
            rows = projected[end - length * count : end]
            shape = (count, length, 3, self._heads, width // self._heads)
            query, key, value = rows.view(shape).permute(2, 0, 3, 1, 4)
            if length < _FUSED_BELOW or rows.dtype == torch.float32:
                found = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
            else:
                found = (query @ key.transpose(-1, -2)).softmax(-1) @ value
            mixed.append(found.transpose(1, 2).reshape(length * count, width))
        return torch.cat(mixed) if len(mixed) > 1 else mixed[0]


class _Layer:
    def __init__(self, layer: Any, heads: int, dtype: torch.dtype, *, packed: bool) -> None:
        attention, width = layer.attention.self, layer.attention.output.dense.out_features
        # What attention divides by is put into the weights of the query.
        shrink = (width // heads) ** -0.5
        three = [_weights(each) for each in (attention.query, attention.key, attention.value)]
        three[0] = (three[0][0] * shrink, three[0][1] * shrink)
        weight, bias = (torch.cat(each) for each in zip(*three, strict=True))
        self.query_key_value = _Linear(weight, bias, dtype, packed=packed)
        self.out = _Linear(*_weights(layer.attention.output.dense), dtype, packed=packed)
        self.norm = _weights(layer.attention.output.LayerNorm)
        self.up = _Linear(*_weights(layer.intermediate.dense), dtype, packed=packed)
        self.down = _Linear(*_weights(layer.output.dense), dtype, packed=packed)
        self.last_norm = _weights(layer.output.LayerNorm)


class _Linear:
    """A matrix and a bias, with what follows the multiplication done in the same pass where oneDNN is there.

    The operators are those that torch's own compiler puts in the place of linear layers:
    https://github.com/pytorch/pytorch/blob/v2.13.0/torch/_inductor/fx_passes/mkldnn_fusion.py
    """

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype, *, packed: bool) -> None:
        self._packed = packed
        self._bias = bias.to(dtype)
        weight = weight.to(dtype)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, None) if packed else weight  # noqa: SLF001

    def __call__(self, rows: Tensor) -> Tensor:
        return self._then(rows, "none")

    def gelu(self, rows: Tensor) -> Tensor:
        """The exact Gaussian error linear unit of the product."""
        return self._then(rows, "gelu")

    def plus(self, rows: Tensor, other: Tensor) -> Tensor:
        """The product and another matrix of its shape."""
        if not self._packed:
            return functional.linear(rows, self._weight, self._bias) + other
        sums = torch.ops.mkldnn._linear_pointwise.binary  # noqa: SLF001
        found: Tensor = sums(rows, other, self._weight, self._bias, "add")
        return found

    def _then(self, rows: Tensor, what: str) -> Tensor:
        if not self._packed:
            found = functional.linear(rows, self._weight, self._bias)
            return functional.gelu(found) if what == "gelu" else found
        product = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001
        fused: Tensor = product(rows, self._weight, self._bias, what, [], "none")
        return fused


def is_bert(model: Any) -> bool:
    """Whether ``Bert`` computes what this model of the transformers library computes."""
    if type(model).__name__ != "BertModel":
        return False
    config = model.config
    return (
        config.hidden_act == "gelu"
        and not config.is_decoder
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
    )


def _weights(module: Any) -> tuple[Tensor, Tensor]:
    return module.weight.detach().float(), module.bias.detach().float()
