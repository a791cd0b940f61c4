"""DistilBERT: BERT with half of its layers, distilled (https://arxiv.org/abs/1910.01108)."""

from typing import Any

import keras

from tfzoo.models.distilbert_weights import FORMATS, PRESETS
from tfzoo.models.encoder import EncoderBackbone


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBertBackbone(EncoderBackbone):
    """DistilBERT's encoder: BERT's without segments and without a pooler.

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
        rematerialize: trade a second forward pass per layer for memory in training.
        return_encoder_outputs: also return the output of every layer.
        kwargs: those of `keras.Model`, such as `dtype`.

    Call arguments:
        inputs: a dict of (B, S) integer tensors, S at most P: `token_ids`; optionally
            `padding_mask` (1 for real, 0 for padding) and `sequence_ids` (k >= 1 for a token of
            the k-th sequence packed into its row). `segment_ids` change nothing.

    Returns:
        A dict: `sequence_output` (B, S, H); `encoder_outputs`, a list of L tensors (B, S, H), where
        asked for.

    Example:

    >>> model = DistilBertBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model({"token_ids": keras.ops.array([[2, 45, 67, 3]])})["sequence_output"].shape
    TensorShape([1, 4, 8])
    """

    family = "distilbert"
    presets = PRESETS
    formats = FORMATS
    head_activation = "relu"

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        dropout: float = 0.1,
        max_sequence_length: int = 512,
        activation: str = "gelu",
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
            num_segments=0,
            activation=activation,
            layer_norm_epsilon=1e-12,
            has_pooler=False,
            rematerialize=rematerialize,
            return_encoder_outputs=return_encoder_outputs,
            **kwargs,
        )
