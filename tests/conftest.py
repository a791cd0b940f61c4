"""Fixtures that every test may use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
collect_ignore_glob = ["artifacts/*"]  # programs that need other libraries
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["a", "the", "film", "was", "good", "bad", "great", "awful", "very", "not"]
WORDS += [".", "!", "play", "##ing", "##ed", "we", "saw", "it"]

# Models here run for a few steps, so that it is compiling that takes time, not running.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Path]:
    """A function from a reference case's name to its folder; skips where the cases are absent."""
    folder = Path(os.environ.get("TFZOO_REFERENCE") or ROOT.parent / "shared" / "reference")

    def case(name: str) -> Path:
        if not (folder / name).is_dir():
            pytest.skip(f"no reference case {name} in {folder}; set TFZOO_REFERENCE to its parent")
        return folder / name

    return case


@pytest.fixture(scope="session")
def preprocessor():
    """A preprocessor with a vocabulary of 23 pieces that truncates at 16 tokens."""
    from tfzoo import BertTokenizer, TextPreprocessor

    return TextPreprocessor(BertTokenizer([*SPECIAL, *WORDS]), sequence_length=16)


@pytest.fixture(scope="session")
def tiny_bert() -> Callable:
    """A function that builds the same small BERT each time, but for the arguments it is given.

    Its weights are ten times larger than initial ones, so that its outputs depend on its inputs.
    """
    import keras

    from tfzoo import BertBackbone

    sizes = {
        "vocabulary_size": len(SPECIAL) + len(WORDS),
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 16,
        "intermediate_dim": 32,
        "max_sequence_length": 24,
    }

    def build(**changes: object) -> BertBackbone:
        keras.utils.set_random_seed(0)
        backbone = BertBackbone(**{**sizes, **changes})
        for variable in backbone.weights:
            if variable.name in ("kernel", "embeddings"):
                variable.assign(10 * variable)
        return backbone

    return build
