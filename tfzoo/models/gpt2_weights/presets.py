"""GPT-2's published weights."""

from tfzoo.weights.family import Preset


def _preset(name: str, layers: int, hidden: int) -> Preset:
    sizes = {
        "vocabulary_size": 50257,
        "num_layers": layers,
        "num_heads": hidden // 64,
        "hidden_dim": hidden,
        "intermediate_dim": 4 * hidden,
    }
    return Preset(f"hf://openai-community/{name}", "MIT", None, sizes)


PRESETS = {
    "gpt2_base_en": _preset("gpt2", 12, 768),
    "gpt2_medium_en": _preset("gpt2-medium", 24, 1024),
    "gpt2_large_en": _preset("gpt2-large", 36, 1280),
    "gpt2_extra_large_en": _preset("gpt2-xl", 48, 1600),
}
