"""The Transformer layer and the stack of them that every encoder and decoder is made of."""

from typing import Any

import keras

from tfzoo.layers.attention import MultiHeadAttention
from tfzoo.layers.dense import Dense
from tfzoo.layers.dropout import DropoutSeeds, draw_seed
from tfzoo.layers.initializers import BertInitializer
from tfzoo.layers.normalization import LayerNormalization


@keras.saving.register_keras_serializable(package="tfzoo")
class TransformerLayer(keras.layers.Layer):
    """Self-attention and a feed-forward network, each with a residual connection and LayerNorm.

    Args:
        num_heads: number of attention heads.
        intermediate_dim: size F of the feed-forward network.
        head_dim: size of a head; None means hidden size / heads.
        dropout: share of each sub-layer's output, and of the attention probabilities, dropped in
            training.
        activation: of the feed-forward network; "gelu" is exact, "gelu_tanh" the approximation.
        norm_first: LayerNorm before each sub-layer (GPT-2) rather than after the residual (BERT;
            https://arxiv.org/abs/2002.04745 compares them).
        layer_norm_epsilon: added to the variance.
        output_stddev: standard deviation of the initial weights of the matrices whose products are
            added to the layer's input, of which GPT-2 makes less the more layers there are.
        rematerialize: keep only the layer's input for the backward pass and compute the rest
            again (https://arxiv.org/abs/1604.06174), with the same dropout masks.

    Call arguments:
        x: (B, S, H) float.
        bias: added to attention scores, broadcast to (B, heads, S, K).
        cache, cache_index, return_probabilities: as in `MultiHeadAttention`.

    Returns:
        (B, S, H), or a tuple of it and what `MultiHeadAttention` returns besides its output.

    Example:

    >>> layer = TransformerLayer(num_heads=2, intermediate_dim=16)
    >>> layer(keras.random.normal((1, 5, 8))).shape
    TensorShape([1, 5, 8])
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        head_dim: int | None = None,
        dropout: float = 0.0,
        activation: str = "gelu",
        norm_first: bool = False,
        layer_norm_epsilon: float = 1e-12,
        output_stddev: float = 0.02,
        rematerialize: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.head_dim = head_dim
        self.dropout = dropout
        self.activation = activation
        self.norm_first = norm_first
        self.layer_norm_epsilon = layer_norm_epsilon
        self.output_stddev = output_stddev
        self.rematerialize = rematerialize
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: tuple) -> None:
        policy, epsilon = self.dtype_policy, self.layer_norm_epsilon
        self.attention = MultiHeadAttention(
            self.num_heads,
            self.head_dim,
            self.dropout,
            self.output_stddev,
            dtype=policy,
            name="attention",
        )
        self.attention_norm = LayerNormalization(epsilon, dtype=policy, name="attention_norm")
        self.intermediate = Dense(
            self.intermediate_dim, self.activation, dtype=policy, name="intermediate"
        )
        self.output_dense = Dense(
            input_shape[-1],
            kernel_initializer=BertInitializer(stddev=self.output_stddev),
            dtype=policy,
            name="output",
        )
        self.output_norm = LayerNormalization(epsilon, dtype=policy, name="output_norm")
        for layer in (
            self.attention,
            self.attention_norm,
            self.intermediate,
            self.output_norm,
        ):
            layer.build(input_shape)
        self.output_dense.build((*input_shape[:-1], self.intermediate_dim))

    def call(
        self,
        x: Any,
        bias: Any = None,
        cache: Any = None,
        cache_index: Any = None,
        return_probabilities: bool = False,
        training: bool | None = None,
    ) -> Any:
        seed = draw_seed(self.seed_generator, training)
        settings = {
            "return_probabilities": return_probabilities,
            "seed": seed,
            "training": training,
        }
        if cache is not None:
            return self._transform(x, bias, cache, cache_index, **settings)

        def transform(x: Any, *bias: Any) -> Any:
            return self._transform(x, *bias, **settings)

        # TensorFlow recomputes functions of tensors alone, so None is left out.
        given = () if bias is None else (bias,)
        return (keras.remat(transform) if self.rematerialize else transform)(x, *given)

    def _transform(
        self,
        x: Any,
        bias: Any = None,
        cache: Any = None,
        cache_index: Any = None,
        return_probabilities: bool = False,
        seed: Any = None,
        training: bool | None = None,
    ) -> Any:
        drop = DropoutSeeds(seed)
        attended = self.attention(
            self.attention_norm(x) if self.norm_first else x,
            bias=bias,
            cache=cache,
            cache_index=cache_index,
            dropout_seeds=drop,
            return_probabilities=return_probabilities,
        )
        extras = []
        if cache is not None or return_probabilities:
            attended, *extras = attended
        x = x + drop(attended, self.dropout)
        if not self.norm_first:
            x = self.attention_norm(x)
        hidden = self.intermediate(  # (B, S, F)
            self.output_norm(x) if self.norm_first else x, training=training
        )
        x = x + drop(self.output_dense(hidden), self.dropout)
        if not self.norm_first:
            x = self.output_norm(x)
        return (x, *extras) if extras else x

    def get_config(self) -> dict:
        names = (
            "num_heads",
            "intermediate_dim",
            "head_dim",
            "dropout",
            "activation",
            "norm_first",
            "layer_norm_epsilon",
            "output_stddev",
            "rematerialize",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="tfzoo")
class TransformerStack(keras.layers.Layer):
    """`num_layers` Transformer layers, one after the other.

    L below is `num_layers * num_inner_repetitions`.

    Args:
        num_layers: number of layers L.
        num_groups: number of distinct sets of parameters, shared by consecutive layers as in
            ALBERT (https://arxiv.org/abs/1909.11942); None means that nothing is shared.
        num_inner_repetitions: number of layers, each with its own parameters, in every one of the
            `num_layers` places.
        kwargs: those of `TransformerLayer`, for each layer, and of `keras.layers.Layer`.

    Call arguments:
        x: (B, S, H) float.
        bias: added to attention scores, broadcast to (B, heads, S, K); or a list of them, the
            layers taking turns.
        cache: keys and values of the columns so far, a list of L pairs (B, heads, K, head_dim).
        cache_index: the column at which the new keys and values are written.
        return_probabilities: also return the attention probabilities.

    Returns:
        A list of the L layers' outputs, each (B, S, H); a tuple of it and the new cache when there
        is a cache, and last the list of the L layers' attention probabilities (B, heads, S, K) when
        they are asked for. With `norm_first`, the last output is normalized once more, as such
        stacks do.

    Example:

    >>> stack = TransformerStack(num_layers=3, num_heads=2, intermediate_dim=16)
    >>> [output.shape[-1] for output in stack(keras.random.normal((1, 5, 8)))]
    [8, 8, 8]
    """

    def __init__(
        self,
        num_layers: int,
        num_heads: int,
        intermediate_dim: int,
        num_groups: int | None = None,
        num_inner_repetitions: int = 1,
        head_dim: int | None = None,
        dropout: float = 0.0,
        activation: str = "gelu",
        norm_first: bool = False,
        layer_norm_epsilon: float = 1e-12,
        output_stddev: float = 0.02,
        rematerialize: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.num_groups = num_groups or num_layers
        self.num_inner_repetitions = num_inner_repetitions
        self.layer_config = {
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim,
            "head_dim": head_dim,
            "dropout": dropout,
            "activation": activation,
            "norm_first": norm_first,
            "layer_norm_epsilon": layer_norm_epsilon,
            "output_stddev": output_stddev,
            "rematerialize": rematerialize,
        }

    def build(self, input_shape: tuple) -> None:
        self.groups = [
            TransformerLayer(**self.layer_config, dtype=self.dtype_policy, name=f"layer_{i}")
            for i in range(self.num_groups * self.num_inner_repetitions)
        ]
        for layer in self.groups:
            layer.build(input_shape)
        if self.layer_config["norm_first"]:
            self.final_norm = LayerNormalization(
                self.layer_config["layer_norm_epsilon"], dtype=self.dtype_policy, name="final_norm"
            )
            self.final_norm.build(input_shape)

    @property
    def layers(self) -> list[TransformerLayer]:
        """The L layers from first to last; shared ones stand there more than once."""
        groups = (i * self.num_groups // self.num_layers for i in range(self.num_layers))
        inner = self.num_inner_repetitions
        return [layer for i in groups for layer in self.groups[i * inner : (i + 1) * inner]]

    def call(
        self,
        x: Any,
        bias: Any = None,
        cache: Any = None,
        cache_index: Any = None,
        return_probabilities: bool = False,
        training: bool | None = None,
    ) -> Any:
        outputs, extras = [], []
        biases = bias if isinstance(bias, list) else [bias]
        for i, layer in enumerate(self.layers):
            x = layer(
                x,
                bias=biases[i % len(biases)],
                cache=None if cache is None else cache[i],
                cache_index=cache_index,
                return_probabilities=return_probabilities,
                training=training,
            )
            if cache is not None or return_probabilities:
                x, *more = x
                extras.append(more)
            outputs.append(x)
        if self.layer_config["norm_first"]:
            outputs[-1] = self.final_norm(x)
        extras = [list(each) for each in zip(*extras, strict=True)]
        return (outputs, *extras) if extras else outputs

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "num_groups": self.num_groups,
            "num_inner_repetitions": self.num_inner_repetitions,
            **self.layer_config,
        }
