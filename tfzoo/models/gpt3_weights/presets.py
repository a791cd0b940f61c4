"""The eight sizes of GPT-3 (https://arxiv.org/abs/2005.14165, table 2.1), without weights.

The table gives the 1.3B model 24 heads of 128, with which it would have 1.5B parameters. It has 16
here, as many as its width has room for. The 13B model is 5140 wide, and its 40 heads of 128 are
5120 wide together: that is as in the table. The sum of the 350M model is nearer to 360M.
"""

from tfzoo.weights.family import Preset


def _preset(layers: int, hidden: int, heads: int, head_dim: int) -> Preset:
    sizes = {
        "vocabulary_size": 50257,
        "num_layers": layers,
        "num_heads": heads,
        "hidden_dim": hidden,
        "intermediate_dim": 4 * hidden,
        "head_dim": head_dim,
    }
    return Preset(None, None, None, sizes)


PRESETS = {
    "gpt3_125m_en": _preset(12, 768, 12, 64),
    "gpt3_350m_en": _preset(24, 1024, 16, 64),
    "gpt3_760m_en": _preset(24, 1536, 16, 96),
    "gpt3_1.3b_en": _preset(24, 2048, 16, 128),
    "gpt3_2.7b_en": _preset(32, 2560, 32, 80),
    "gpt3_6.7b_en": _preset(32, 4096, 32, 128),
    "gpt3_13b_en": _preset(40, 5140, 40, 128),
    "gpt3_175b_en": _preset(96, 12288, 96, 128),
}
