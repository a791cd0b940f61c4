"""DistilBERT's published weights."""

from tfzoo.weights.family import Preset


def _base(name: str, lowercase: bool, vocabulary: int) -> Preset:
    sizes = {
        "vocabulary_size": vocabulary,
        "num_layers": 6,
        "num_heads": 12,
        "hidden_dim": 768,
        "intermediate_dim": 3072,
    }
    return Preset(f"hf://distilbert/{name}", "Apache-2.0", lowercase, sizes)


PRESETS = {
    "distilbert_base_en_uncased": _base("distilbert-base-uncased", True, 30522),
    "distilbert_base_en_cased": _base("distilbert-base-cased", False, 28996),
    "distilbert_base_multi_cased": _base("distilbert-base-multilingual-cased", False, 119547),
}
