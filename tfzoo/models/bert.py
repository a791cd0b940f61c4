"""BERT: a bidirectional Transformer encoder (https://arxiv.org/abs/1810.04805)."""

from typing import Any

import keras

from tfzoo.layers import Pooler, TransformerEmbedding, TransformerStack
from tfzoo.layers.masks import attention_bias
from tfzoo.models.backbone import Backbone
from tfzoo.models.bert_weights import FORMATS, PRESETS


@keras.saving.register_keras_serializable(package="tfzoo")
class BertBackbone(Backbone):
    """BERT's encoder and pooler.

    Args:
        vocabulary_size: number of tokens V.
        num_layers: number of Transformer layers L.
        num_heads: number of attention heads.
        hidden_dim: size H of the hidden states.
        intermediate_dim: size of the feed-forward networks; 4 H in the published models.
        dropout: share of sub-layer outputs, attention probabilities and embeddings dropped in
            training.
        max_sequence_length: number of positions P.
        num_segments: number of token types.
        activation: of the feed-forward networks: "gelu_tanh" in Google's models, "gelu" (exact) in
            Hugging Face's.
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

    Example:

    >>> model = BertBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> outputs = model({"token_ids": keras.ops.array([[2, 45, 67, 3]])})
    >>> outputs["sequence_output"].shape, outputs["pooled_output"].shape
    (TensorShape([1, 4, 8]), TensorShape([1, 8]))
    """

    family = "bert"
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
        num_segments: int = 2,
        activation: str = "gelu_tanh",
        layer_norm_epsilon: float = 1e-12,
        rematerialize: bool = False,
        return_encoder_outputs: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.return_encoder_outputs = return_encoder_outputs
        self.embeddings = TransformerEmbedding(
            vocabulary_size,
            hidden_dim,
            max_sequence_length,
            num_segments=num_segments,
            dropout=dropout,
            layer_norm_epsilon=layer_norm_epsilon,
            dtype=self.dtype_policy,
            name="embeddings",
        )
        self.encoder = TransformerStack(
            num_layers,
            num_heads,
            intermediate_dim,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            rematerialize=rematerialize,
            dtype=self.dtype_policy,
            name="encoder",
        )
        self.pooler = Pooler(dtype=self.dtype_policy, name="pooler")
        self.embeddings.build((None, None))
        self.encoder.build((None, None, hidden_dim))
        self.pooler.build((None, None, hidden_dim))
        self.built = True

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
        outputs = self.encoder(x, bias=bias, training=training)
        result = {
            "sequence_output": outputs[-1],
            "pooled_output": self.pooler(outputs[-1], inputs.get("cls_positions")),
        }
        if self.return_encoder_outputs:
            result["encoder_outputs"] = outputs
        return result

    def get_config(self) -> dict[str, Any]:
        embeddings, encoder = self.embeddings, self.encoder
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.name,
            "vocabulary_size": embeddings.vocabulary_size,
            "num_layers": encoder.num_layers,
            "hidden_dim": embeddings.hidden_dim,
            "max_sequence_length": embeddings.max_sequence_length,
            "num_segments": embeddings.num_segments,
            **{
                name: encoder.layer_config[name]
                for name in (
                    "num_heads",
                    "intermediate_dim",
                    "dropout",
                    "activation",
                    "layer_norm_epsilon",
                    "rematerialize",
                )
            },
            "return_encoder_outputs": self.return_encoder_outputs,
        }
