"""RoBERTa: BERT trained longer, on more text, without segments (https://arxiv.org/abs/1907.11692)."""

from typing import Any

import keras

from tfzoo.models.encoder import EncoderBackbone
from tfzoo.models.roberta_weights import FORMATS, PADDING_ID, PRESETS


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaBackbone(EncoderBackbone):
    """RoBERTa's encoder: BERT's without a pooler, whose positions leave out padding.

    The first real token of a row has the position 2, and a token with id 1, padding, the position
    1, wherever it stands.

    Args:
        vocabulary_size: number of tokens V.
        num_layers: number of Transformer layers L.
        num_heads: number of attention heads.
        hidden_dim: size H of the hidden states.
        intermediate_dim: size of the feed-forward networks; 4 H in the published models.
        dropout: share of sub-layer outputs, attention probabilities and embeddings dropped in
            training.
        max_sequence_length: number of tokens P that a row may have; the table has two positions
            more.
        num_segments: number of token types; the published models have one, a constant.
        layer_norm_epsilon: added to variances.
        rematerialize: trade a second forward pass per layer for memory in training.
        return_encoder_outputs: also return the output of every layer.
        kwargs: those of `keras.Model`, such as `dtype`.

    Call arguments:
        inputs: a dict of (B, S) integer tensors, S at most P: `token_ids`; optionally
            `padding_mask` (1 for real, 0 for padding), `segment_ids` and `sequence_ids` (k >= 1 for
            a token of the k-th sequence packed into its row).

    Returns:
        A dict: `sequence_output` (B, S, H); `encoder_outputs`, a list of L tensors (B, S, H), where
        asked for.

    Example:

    >>> model = RobertaBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model({"token_ids": keras.ops.array([[0, 45, 67, 2, 1]])})["sequence_output"].shape
    TensorShape([1, 5, 8])
    """

    family = "roberta"
    presets = PRESETS
    formats = FORMATS
    head_activation = "tanh"

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        dropout: float = 0.1,
        max_sequence_length: int = 512,
        num_segments: int = 1,
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
            num_segments,
            activation="gelu",
            layer_norm_epsilon=layer_norm_epsilon,
            padding_id=PADDING_ID,
            has_pooler=False,
            rematerialize=rematerialize,
            return_encoder_outputs=return_encoder_outputs,
            **kwargs,
        )
