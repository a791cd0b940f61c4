"""ALBERT: a BERT whose layers share their parameters (https://arxiv.org/abs/1909.11942)."""

from typing import Any

import keras

from tfzoo.errors import ConfigError
from tfzoo.models.albert_weights import FORMATS, PRESETS
from tfzoo.models.encoder import EncoderBackbone


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertBackbone(EncoderBackbone):
    """ALBERT's encoder and pooler.

    L below is `num_layers * num_inner_repetitions`.

    Args:
        vocabulary_size: number of tokens V.
        num_layers: number of Transformer layers that follow each other.
        num_heads: number of attention heads.
        hidden_dim: size H of the hidden states.
        intermediate_dim: size of the feed-forward networks; 4 H in the published models.
        embedding_dim: size of the embeddings, which a dense layer takes to H; None for embeddings
            of size H without such a layer.
        num_groups: number of distinct sets of parameters, each of which consecutive layers share.
        num_inner_repetitions: number of layers, each with its own parameters, in every one of the
            `num_layers` places.
        dropout: share of sub-layer outputs, attention probabilities and embeddings dropped in
            training; 0 in version 2, and 0.1 in the smaller models of version 1.
        max_sequence_length: number of positions P.
        num_segments: number of token types.
        activation: of the feed-forward networks: "gelu_tanh" in all of Google's models; "gelu"
            (exact) in what Hugging Face calls version 1.
        layer_norm_epsilon: added to variances.
        rematerialize: trade a second forward pass per layer for memory in training.
        return_encoder_outputs: also return the output of every layer.
        kwargs: those of `keras.Model`, such as `dtype`.

    Call arguments:
        inputs: a dict of (B, S) integer tensors, S at most P: `token_ids`; optionally
            `padding_mask` (1 for real, 0 for padding), `segment_ids`, `sequence_ids` (k >= 1 for a
            token of the k-th sequence packed into its row) and, with it, `cls_positions` (B, K).

    Returns:
        A dict: `sequence_output` (B, S, H); `pooled_output` (B, H), or (B, K, H) with
        `cls_positions`; `encoder_outputs`, a list of L tensors (B, S, H), where asked for.

    Raises:
        ConfigError: there are more groups than layers.

    Example:

    >>> model = AlbertBackbone(
    ...     vocabulary_size=100, num_layers=12, num_heads=2, hidden_dim=8, intermediate_dim=32,
    ...     embedding_dim=4,
    ... )
    >>> outputs = model({"token_ids": keras.ops.array([[2, 45, 67, 3]])})
    >>> outputs["sequence_output"].shape, outputs["pooled_output"].shape
    (TensorShape([1, 4, 8]), TensorShape([1, 8]))
    """

    family = "albert"
    presets = PRESETS
    formats = FORMATS

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        embedding_dim: int | None = 128,
        num_groups: int = 1,
        num_inner_repetitions: int = 1,
        dropout: float = 0.0,
        max_sequence_length: int = 512,
        num_segments: int = 2,
        activation: str = "gelu_tanh",
        layer_norm_epsilon: float = 1e-12,
        rematerialize: bool = False,
        return_encoder_outputs: bool = False,
        **kwargs: Any,
    ) -> None:
        if num_groups > num_layers:
            raise ConfigError(
                f"num_groups is {num_groups}, and there are only {num_layers} layers to share "
                "them; lower num_groups."
            )
        super().__init__(
            vocabulary_size,
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            dropout,
            max_sequence_length,
            num_segments,
            activation,
            layer_norm_epsilon,
            embedding_dim=embedding_dim,
            num_groups=num_groups,
            num_inner_repetitions=num_inner_repetitions,
            rematerialize=rematerialize,
            return_encoder_outputs=return_encoder_outputs,
            **kwargs,
        )
