"""What configs/minilm_tatoeba_embedder.py starts from, and TF-IDF, on its test split.

  python benchmarks/tatoeba_retrieval.py

It needs scikit-learn, and the files that the config's docstring says how to make.
"""

from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from tfzoo import Embedder
from tfzoo.binaries.config import load_config
from tfzoo.data import read_examples
from tfzoo.training import retrieval_scores

CONFIG = Path(__file__).parents[1] / "configs" / "minilm_tatoeba_embedder.py"


def main() -> None:
    config = load_config(str(CONFIG))
    columns = {"text": "text", "text_pair": "text_pair", "label": None}
    train, test = (read_examples(config.data[part], **columns) for part in ("train", "test"))
    published = Embedder.from_preset(config.preset, **config.model.to_dict())
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), dtype=np.float32)
    pieces.fit([*train.text, *train.text_pair])
    vectors = {
        "MiniLM as published": [published.predict(texts, verbose=0) for texts in test.texts],
        "TF-IDF of 2 to 5 characters": [pieces.transform(texts).toarray() for texts in test.texts],
    }
    for name, (english, ukrainian) in vectors.items():
        scores = retrieval_scores(english, ukrainian)
        print(f"{name:<30}recall at 1 {scores['recall_at_1']:.4f}  MRR {scores['mrr']:.4f}")


if __name__ == "__main__":
    main()
