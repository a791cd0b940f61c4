"""GPT-3: GPT-2 with layers in turn dense and banded (https://arxiv.org/abs/2005.14165)."""

from typing import Any

import keras

from tfzoo.models.decoder import DecoderBackbone
from tfzoo.models.gpt3_weights import FORMATS, PRESETS


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT3Backbone(DecoderBackbone):
    """GPT-3's decoder: GPT-2's, whose second, fourth ... layers look back a few tokens only.

    https://arxiv.org/abs/2005.14165, section 2.1. The weights are not published; the presets are
    the sizes of table 2.1, for `from_preset(name, load_weights=False)`.

    Args:
        vocabulary_size: number of tokens V.
        num_layers: number of Transformer layers L.
        num_heads: number of attention heads N.
        hidden_dim: size H of the hidden states.
        intermediate_dim: size of the feed-forward networks; 4 H in the paper.
        head_dim: size D of a head; None means H / N.
        dropout: share of sub-layer outputs, attention probabilities and embeddings dropped in
            training. The paper states none; GPT-2 has 0.1.
        max_sequence_length: number of positions P.
        activation: of the feed-forward networks.
        layer_norm_epsilon: added to variances.
        attention_window: how many tokens, the own one included, every second layer sees. The paper
            states no number; 256 is that of GPT-Neo, https://github.com/EleutherAI/gpt-neo. None
            makes all layers dense.
        rematerialize: trade a second forward pass per layer for memory in training.
        return_encoder_outputs: also return the output of every layer.
        kwargs: those of `keras.Model`, such as `dtype`.

    Call arguments, and what is returned: see `DecoderBackbone.call`.

    Example:

    >>> model = GPT3Backbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model({"token_ids": keras.ops.array([[45, 67, 3]])})["sequence_output"].shape
    TensorShape([1, 3, 8])
    """

    family = "gpt3"
    presets = PRESETS
    formats = FORMATS

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        head_dim: int | None = None,
        dropout: float = 0.1,
        max_sequence_length: int = 2048,
        activation: str = "gelu_tanh",
        layer_norm_epsilon: float = 1e-5,
        attention_window: int | None = 256,
        rematerialize: bool = False,
        return_encoder_outputs: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocabulary_size,
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            dropout,
            max_sequence_length,
            activation,
            layer_norm_epsilon,
            norm_first=True,
            head_dim=head_dim,
            attention_window=attention_window,
            rematerialize=rematerialize,
            return_encoder_outputs=return_encoder_outputs,
            **kwargs,
        )
