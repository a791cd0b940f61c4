"""Students that start from some of their teacher's layers."""

from collections.abc import Iterable, Sequence

import keras

from tfzoo.errors import ConfigError
from tfzoo.tasks import Task


def shrink(
    teacher: Task, num_layers: int | None = None, layers: Sequence[int] | None = None
) -> Task:
    """A new task like the teacher's, with fewer layers, that starts from the teacher's weights.

    Embeddings, pooler and heads are copied, and those layers that are kept
    (https://arxiv.org/abs/1910.01108, section 3). Where a stack shares its parameters, as ALBERT's
    does, the student shares them the same way.

    Args:
        teacher: a task; it is left as it is.
        num_layers: how many of its layers are kept: every second one of them for half as many, and
            the last in any case; see `spread`.
        layers: in place of it, the indices of those layers, from 0.

    Raises:
        ConfigError: not one of `num_layers` and `layers` is given, there are no such layers, the
            teacher has a second backbone, or its variables are not those of its constructor, as
            after `enable_lora`.

    Example:

    >>> from tfzoo import BertBackbone, BertClassifier
    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=6, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> student = shrink(BertClassifier(backbone), num_layers=3)
    >>> student.backbone.encoder.num_layers
    3
    """
    if any(isinstance(x, keras.Model) and x is not teacher.backbone for x in teacher.layers):
        raise ConfigError(
            f"A {type(teacher).__name__} has more than one backbone, so it cannot be shrunk; "
            "choose another task."
        )
    backbone, stack = teacher.backbone, teacher.backbone.encoder
    if (num_layers is None) == (layers is None):
        raise ConfigError("Give either num_layers or layers, to say which layers are kept.")
    depth = stack.num_layers
    kept = spread(num_layers, depth) if layers is None else check_layers(layers, depth)
    inner = stack.num_inner_repetitions
    sources = [layer for i in kept for layer in stack.layers[i * inner : (i + 1) * inner]]
    sizes = {"num_layers": len(kept), "num_groups": len(set(map(id, sources))) // inner}
    config = {**backbone.get_config(), **sizes}
    names = backbone.argument_names() - {"name", "trainable"}
    smaller = type(backbone)(**{name: config[name] for name in names & config.keys()})
    student = type(teacher)(smaller, preprocessor=teacher.preprocessor, **teacher.own_config())
    for part, whole, without in (
        (student, teacher, (smaller, backbone)),
        (smaller, backbone, (smaller.encoder, stack)),
    ):
        mine, theirs = ([x for x in each.layers if x not in without] for each in (part, whole))
        _copy(zip(mine, theirs, strict=True))
    _copy(zip(smaller.encoder.layers, sources, strict=True))
    return student


def spread(count: int, depth: int) -> list[int]:
    """Indices of `count` of `depth` layers, evenly spread, of which the last one is the last.

    It is the uniform map of TinyBERT (https://arxiv.org/abs/1909.10351, section 4.1).

    Raises:
        ConfigError: there are not so many layers.

    Example:

    >>> spread(3, 6), spread(2, 6), spread(4, 6)
    ([1, 3, 5], [2, 5], [0, 2, 3, 5])
    """
    if type(count) is not int or not 1 <= count <= depth:
        raise ConfigError(f"{count!r:.60} layers cannot be chosen: the teacher has {depth}.")
    return [(i + 1) * depth // count - 1 for i in range(count)]


def check_layers(layers: Sequence[int], depth: int) -> list[int]:
    """The indices of layers as a list.

    Raises:
        ConfigError: there are none, or one is no layer.
    """
    layers = list(layers)
    if not layers or not all(type(i) is int and 0 <= i < depth for i in layers):
        raise ConfigError(
            f"{layers!r:.60} are no layers of the teacher, which are numbered 0 to {depth - 1}."
        )
    return layers


def _copy(pairs: Iterable[tuple[keras.layers.Layer, keras.layers.Layer]]) -> None:
    """Gives layers the weights of others."""
    sources = {}
    for layer, source in pairs:
        if sources.setdefault(layer, source) is not source:
            raise ConfigError(
                "The chosen layers do not share their parameters evenly; choose as many of each "
                "group."
            )
        shapes = [[weight.shape for weight in each.weights] for each in (layer, source)]
        if shapes[0] != shapes[1]:
            raise ConfigError(
                f"The teacher's {source.name} has other variables than a new one, as after "
                "enable_lora or quantize; choose a teacher without them."
            )
        layer.set_weights(source.get_weights())
