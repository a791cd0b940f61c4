"""RoBERTa's published weights."""

from tfzoo.weights.family import Preset


def _sizes(layers: int, hidden: int) -> dict:
    return {
        "vocabulary_size": 50265,
        "num_layers": layers,
        "num_heads": hidden // 64,
        "hidden_dim": hidden,
        "intermediate_dim": 4 * hidden,
    }


PRESETS = {
    "distilroberta_base": Preset(
        "hf://distilbert/distilroberta-base", "Apache-2.0", None, _sizes(6, 768)
    ),
    "roberta_base": Preset("hf://FacebookAI/roberta-base", "MIT", None, _sizes(12, 768)),
    "roberta_large": Preset("hf://FacebookAI/roberta-large", "MIT", None, _sizes(24, 1024)),
}
