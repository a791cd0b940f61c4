"""GPT's published weights."""

from tfzoo.weights.family import Preset

PRESETS = {
    "gpt_base_en": Preset(
        "hf://openai-community/openai-gpt",
        "MIT",
        None,
        {
            "vocabulary_size": 40478,
            "num_layers": 12,
            "num_heads": 12,
            "hidden_dim": 768,
            "intermediate_dim": 3072,
        },
    )
}
