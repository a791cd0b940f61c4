"""GPT: the first of OpenAI's language models (Radford et al., 2018)."""

from typing import Any

import keras

from tfzoo.models.decoder import DecoderBackbone
from tfzoo.models.gpt_weights import FORMATS, PRESETS


@keras.saving.register_keras_serializable(package="tfzoo")
class GPTBackbone(DecoderBackbone):
    """GPT's decoder, with LayerNorm behind each sub-layer, as in BERT.

    https://openai.com/index/language-unsupervised, section 4.1.

    Args:
        vocabulary_size: number of tokens V.
        num_layers: number of Transformer layers L.
        num_heads: number of attention heads.
        hidden_dim: size H of the hidden states.
        intermediate_dim: size of the feed-forward networks; 4 H in the published models.
        dropout: share of sub-layer outputs, attention probabilities and embeddings dropped in
            training.
        max_sequence_length: number of positions P.
        activation: of the feed-forward networks.
        layer_norm_epsilon: added to variances.
        rematerialize: trade a second forward pass per layer for memory in training.
        return_encoder_outputs: also return the output of every layer.
        kwargs: those of `keras.Model`, such as `dtype`.

    Call arguments, and what is returned: see `DecoderBackbone.call`.

    Example:

    >>> model = GPTBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model({"token_ids": keras.ops.array([[45, 67, 3]])})["sequence_output"].shape
    TensorShape([1, 3, 8])
    """

    family = "openai-gpt"
    presets = PRESETS
    formats = FORMATS

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        dropout: float = 0.1,
        max_sequence_length: int = 512,
        activation: str = "gelu_tanh",
        layer_norm_epsilon: float = 1e-5,
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
            norm_first=False,
            rematerialize=rematerialize,
            return_encoder_outputs=return_encoder_outputs,
            **kwargs,
        )
