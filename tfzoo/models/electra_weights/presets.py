"""ELECTRA's published weights."""

from tfzoo.weights.family import Preset


def _sizes(layers: int, hidden: int, embedding: int) -> dict:
    return {
        "vocabulary_size": 30522,
        "num_layers": layers,
        "num_heads": hidden // 64,
        "hidden_dim": hidden,
        "intermediate_dim": 4 * hidden,
        "embedding_dim": embedding,
    }


def _discriminator(size: str, sizes: dict) -> Preset:
    url = f"https://storage.googleapis.com/electra-data/electra_{size}.zip"
    return Preset(url, "Apache-2.0", True, sizes)


def _generator(size: str, sizes: dict) -> Preset:
    return Preset(f"hf://google/electra-{size}-generator", "Apache-2.0", True, sizes)


# The small generator that was published is as large as its discriminator, not a quarter of it as
# in the paper.
PRESETS = {
    "electra_small_en_uncased": _discriminator("small", _sizes(12, 256, 128)),
    "electra_base_en_uncased": _discriminator("base", _sizes(12, 768, 768)),
    "electra_large_en_uncased": _discriminator("large", _sizes(24, 1024, 1024)),
    "electra_small_generator_en_uncased": _generator("small", _sizes(12, 256, 128)),
    "electra_base_generator_en_uncased": _generator("base", _sizes(12, 256, 768)),
    "electra_large_generator_en_uncased": _generator("large", _sizes(24, 256, 1024)),
}
