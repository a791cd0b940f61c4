"""ELECTRA: an encoder pre-trained to tell real tokens from replaced ones."""

from typing import Any

import keras

from tfzoo.models.electra_weights import FORMATS, PRESETS
from tfzoo.models.encoder import EncoderBackbone


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraBackbone(EncoderBackbone):
    """ELECTRA's encoder, discriminator or generator: BERT's without a pooler.

    https://arxiv.org/abs/2003.10555

    Args:
        vocabulary_size: number of tokens V.
        num_layers: number of Transformer layers L.
        num_heads: number of attention heads.
        hidden_dim: size H of the hidden states.
        intermediate_dim: size of the feed-forward networks; 4 H in the published models.
        embedding_dim: size E of the embeddings; None for H. A dense layer takes them to H where the
            two differ.
        dropout: share of sub-layer outputs, attention probabilities and embeddings dropped in
            training.
        max_sequence_length: number of positions P.
        num_segments: number of token types.
        layer_norm_epsilon: added to variances.
        rematerialize: trade a second forward pass per layer for memory in training.
        return_encoder_outputs: also return the output of every layer.
        kwargs: those of `keras.Model`, such as `dtype`, and of `EncoderBackbone`.

    Call arguments:
        inputs: a dict of (B, S) integer tensors, S at most P: `token_ids`; optionally
            `padding_mask` (1 for real, 0 for padding), `segment_ids` and `sequence_ids` (k >= 1 for
            a token of the k-th sequence packed into its row).

    Returns:
        A dict: `sequence_output` (B, S, H); `encoder_outputs`, a list of L tensors (B, S, H), where
        asked for.

    Example:

    >>> model = ElectraBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32,
    ...     embedding_dim=4,
    ... )
    >>> model({"token_ids": keras.ops.array([[2, 45, 67, 3]])})["sequence_output"].shape
    TensorShape([1, 4, 8])
    """

    family = "electra"
    presets = PRESETS
    formats = FORMATS
    head_activation = "gelu"

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        embedding_dim: int | None = None,
        dropout: float = 0.1,
        max_sequence_length: int = 512,
        num_segments: int = 2,
        layer_norm_epsilon: float = 1e-12,
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
            embedding_dim=None if embedding_dim == hidden_dim else embedding_dim,
            has_pooler=False,
            rematerialize=rematerialize,
            return_encoder_outputs=return_encoder_outputs,
            **kwargs,
        )
