"""Building blocks of every model: Keras layers written with `keras.ops` alone."""

from tfzoo.layers.attention import MultiHeadAttention
from tfzoo.layers.dense import Dense
from tfzoo.layers.embeddings import TransformerEmbedding
from tfzoo.layers.heads import ClassificationHead, MaskedLMHead, Pooler
from tfzoo.layers.normalization import LayerNormalization
from tfzoo.layers.transformer import TransformerLayer, TransformerStack

__all__ = [
    "ClassificationHead",
    "Dense",
    "LayerNormalization",
    "MaskedLMHead",
    "MultiHeadAttention",
    "Pooler",
    "TransformerEmbedding",
    "TransformerLayer",
    "TransformerStack",
]
