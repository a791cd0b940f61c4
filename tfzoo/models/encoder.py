"""The one forward pass of all encoders in BERT's line."""

from typing import Any

import keras

from tfzoo.layers import Pooler, TransformerEmbedding, TransformerStack
from tfzoo.layers.masks import attention_bias
from tfzoo.models.stacked import StackedBackbone


class EncoderBackbone(StackedBackbone):
    """Embeddings, a stack of Transformer layers, and a pooler where the family has one.

    A family is a subclass whose constructor names its arguments, and passes them on with what is
    fixed in the family.

    Args:
        vocabulary_size: number of tokens V.
        num_layers: number of Transformer layers L.
        num_heads: number of attention heads.
        hidden_dim: size H of the hidden states.
        intermediate_dim: size of the feed-forward networks.
        dropout: share of sub-layer outputs, attention probabilities and embeddings dropped in
            training.
        max_sequence_length: number of positions P.
        num_segments: number of token types; 0 where the family has none.
        activation: of the feed-forward networks.
        layer_norm_epsilon: added to variances.
        embedding_dim: size E of the embeddings where a dense layer takes them to H; None for H.
        num_groups, num_inner_repetitions: how layers share their parameters; see
            `TransformerStack`.
        padding_id: the id of padding in a family that counts positions from it on, and only for
            real tokens; None for one that takes columns for positions.
        has_pooler: whether there is a `pooled_output`.
        shared_embeddings: the embeddings of another backbone, whose tables and LayerNorm are this
            one's too; None for its own.
        rematerialize: trade a second forward pass per layer for memory in training.
        return_encoder_outputs: also return the output of every layer.
        kwargs: those of `keras.Model`, such as `dtype`.

    Attributes:
        return_attention_probabilities: whether to return also those of every layer, as
            `attention_probabilities`, a list of L tensors (B, num_heads, S, S); False unless set.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        dropout: float,
        max_sequence_length: int,
        num_segments: int,
        activation: str,
        layer_norm_epsilon: float,
        embedding_dim: int | None = None,
        num_groups: int | None = None,
        num_inner_repetitions: int = 1,
        padding_id: int | None = None,
        has_pooler: bool = True,
        shared_embeddings: TransformerEmbedding | None = None,
        rematerialize: bool = False,
        return_encoder_outputs: bool = False,
        **kwargs: Any,
    ) -> None:
        trainable = kwargs.pop("trainable", True)
        super().__init__(**kwargs)
        self.return_encoder_outputs = return_encoder_outputs
        self.return_attention_probabilities = False
        self.embeddings = TransformerEmbedding(
            vocabulary_size,
            hidden_dim,
            max_sequence_length,
            num_segments=num_segments,
            dropout=dropout,
            layer_norm_epsilon=layer_norm_epsilon,
            embedding_dim=embedding_dim,
            padding_id=padding_id,
            shared=shared_embeddings,
            dtype=self.dtype_policy,
            name="embeddings",
        )
        self.encoder = TransformerStack(
            num_layers,
            num_heads,
            intermediate_dim,
            num_groups=num_groups,
            num_inner_repetitions=num_inner_repetitions,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            rematerialize=rematerialize,
            dtype=self.dtype_policy,
            name="encoder",
        )
        self.pooler = Pooler(dtype=self.dtype_policy, name="pooler") if has_pooler else None
        self.embeddings.build((None, None))
        self.encoder.build((None, None, hidden_dim))
        if has_pooler:
            self.pooler.build((None, None, hidden_dim))
        self.built = True
        self.trainable = trainable  # once there are layers to be frozen

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        x = self.embeddings(
            inputs["token_ids"],
            segment_ids=inputs.get("segment_ids"),
            sequence_ids=inputs.get("sequence_ids"),
            training=training,
        )  # (B, S, H)
        bias = attention_bias(
            inputs.get("padding_mask"), inputs.get("sequence_ids"), dtype=self.compute_dtype
        )
        asked = self.return_attention_probabilities
        outputs = self.encoder(x, bias=bias, return_probabilities=asked, training=training)
        if asked:
            outputs, probabilities = outputs
        result = {"sequence_output": outputs[-1]}
        if self.pooler is not None:
            result["pooled_output"] = self.pooler(outputs[-1], inputs.get("cls_positions"))
        if self.return_encoder_outputs:
            result["encoder_outputs"] = outputs
        if asked:
            result["attention_probabilities"] = probabilities
        return result

    @property
    def stack(self) -> TransformerStack:
        return self.encoder

    def parts(self) -> list[keras.layers.Layer]:
        return [*super().parts(), *([] if self.pooler is None else [self.pooler])]
