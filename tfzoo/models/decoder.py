"""The one forward pass of all decoders in GPT's line."""

from typing import Any

from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.layers import TransformerEmbedding, TransformerStack
from tfzoo.layers.masks import attention_bias
from tfzoo.models.stacked import StackedBackbone


class DecoderBackbone(StackedBackbone):
    """Token and position embeddings, and a stack of Transformer layers that look back only.

    A family is a subclass whose constructor names its arguments, and passes them on with what is
    fixed in the family.

    Args:
        vocabulary_size: number of tokens V.
        num_layers: number of Transformer layers L.
        num_heads: number of attention heads N.
        hidden_dim: size H of the hidden states.
        intermediate_dim: size of the feed-forward networks.
        dropout: share of sub-layer outputs, attention probabilities and embeddings dropped in
            training.
        max_sequence_length: number of positions P.
        activation: of the feed-forward networks.
        layer_norm_epsilon: added to variances.
        norm_first: LayerNorm before each sub-layer, and once more behind the last layer.
        head_dim: size D of a head; None means H / N.
        attention_window: how many tokens, the own one included, every second layer sees; None
            means all.
        rematerialize: trade a second forward pass per layer for memory in training.
        return_encoder_outputs: also return the output of every layer.
        kwargs: those of `keras.Model`, such as `dtype`.

    Raises:
        ConfigError: a token would not see itself, or H cannot be divided among the heads.
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
        activation: str,
        layer_norm_epsilon: float,
        norm_first: bool,
        head_dim: int | None = None,
        attention_window: int | None = None,
        rematerialize: bool = False,
        return_encoder_outputs: bool = False,
        **kwargs: Any,
    ) -> None:
        if attention_window is not None and attention_window < 1:
            raise ConfigError(
                f"attention_window is {attention_window}; give 1 or more, or None for all tokens."
            )
        trainable = kwargs.pop("trainable", True)
        super().__init__(**kwargs)
        self.attention_window = attention_window
        self.return_encoder_outputs = return_encoder_outputs
        self.embeddings = TransformerEmbedding(
            vocabulary_size,
            hidden_dim,
            max_sequence_length,
            num_segments=0,
            dropout=dropout,
            has_layer_norm=False,
            dtype=self.dtype_policy,
            name="embeddings",
        )
        self.decoder = TransformerStack(
            num_layers,
            num_heads,
            intermediate_dim,
            head_dim=head_dim,
            dropout=dropout,
            activation=activation,
            norm_first=norm_first,
            layer_norm_epsilon=layer_norm_epsilon,
            # GPT-2's: by the number of sums on the way, so that these stay as large.
            output_stddev=0.02 / (2 * num_layers) ** 0.5 if norm_first else 0.02,
            rematerialize=rematerialize,
            dtype=self.dtype_policy,
            name="decoder",
        )
        self.embeddings.build((None, None))
        self.decoder.build((None, None, hidden_dim))
        self.built = True
        self.trainable = trainable  # once there are layers to be frozen

    def call(
        self,
        inputs: dict[str, Any],
        cache: Any = None,
        cache_index: Any = 0,
        training: bool | None = None,
    ) -> dict[str, Any]:
        """The hidden states of tokens, each of which sees those before it.

        Args:
            inputs: a dict of (B, S) integer tensors: `token_ids`; optionally `padding_mask`,
                `position_ids` and `sequence_ids`. With a cache, mask and positions are (B, K),
                those of all its columns.
            cache: of `empty_cache`, or an earlier call, for K columns; None for S tokens alone.
            cache_index: the column of the first of the S tokens.
            training: whether dropout is at work.

        Returns:
            A dict: `sequence_output` (B, S, H); `encoder_outputs`, a list of L tensors (B, S, H),
            where asked for; the new `cache`, where one was given.
        """
        token_ids, positions = inputs["token_ids"], inputs.get("position_ids")
        length = ops.shape(token_ids)[1]
        own = positions
        if cache is not None and positions is None:
            own = cache_index + ops.arange(length, dtype="int32")[None]
        elif cache is not None:
            start = (0, cache_index)
            own = ops.slice(positions, start, (ops.shape(positions)[0], length))
        x = self.embeddings(
            token_ids,
            sequence_ids=inputs.get("sequence_ids"),
            position_ids=own,
            training=training,
        )  # (B, S, H)
        windows = (None,) if self.attention_window is None else (None, self.attention_window)
        bias = [
            attention_bias(
                inputs.get("padding_mask"),
                inputs.get("sequence_ids"),
                causal=True,
                key_length=length if cache is None else ops.shape(cache[0][0])[2],
                query_length=length,
                query_start=cache_index,
                positions=positions,
                window=window,
                dtype=self.compute_dtype,
            )
            for window in windows
        ]
        outputs = self.decoder(
            x, bias=bias, cache=cache, cache_index=cache_index, training=training
        )
        result = {}
        if cache is not None:
            outputs, result["cache"] = outputs
        result["sequence_output"] = outputs[-1]
        if self.return_encoder_outputs:
            result["encoder_outputs"] = outputs
        return result

    def empty_cache(self, batch_size: Any, length: int) -> list[tuple[Any, Any]]:
        """Room for the keys and values of B rows: for each layer a pair (B, N, K, D) of zeros.

        Args:
            batch_size: B.
            length: number of columns K.
        """
        layer = self.decoder.groups[0].attention
        shape = (batch_size, layer.num_heads, length, layer.size)
        zeros = ops.zeros(shape, self.compute_dtype)
        return [(zeros, zeros) for _ in self.decoder.layers]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if "attention_window" in self.argument_names():
            config["attention_window"] = self.attention_window
        return config

    @property
    def stack(self) -> TransformerStack:
        return self.decoder
