"""Has transformers write tiny models for multiple choice; see make_huggingface.py.

python tests/artifacts/make_huggingface_multiple_choice.py
"""

from collections.abc import Callable

import make_huggingface as bert
import make_huggingface_albert as albert
import make_huggingface_distilbert as distilbert
import make_huggingface_electra as electra
import make_huggingface_roberta as roberta
import numpy as np
import transformers

ROWS = np.array([[0, 1, 2], [2, 0, 1]])  # two contexts with three choices each


def save(family: str, model: transformers.PreTrainedModel, tokenizer: Callable, rows: dict) -> None:
    """Writes an artifact.

    Args:
        family: what its folder's name begins with.
        model: gets random weights.
        tokenizer: writes a tokenizer into a folder, and gives it back.
        rows: three rows of features.
    """
    artifact = bert.save_model(f"{family}_multiple_choice", model)
    inputs = {name: value[ROWS] for name, value in rows.items()}
    bert.save_expected(artifact, model, inputs, tokenizer(artifact / "model"))


def wordpiece(tokenizer_class: type) -> Callable:
    """What writes a WordPiece tokenizer."""
    return lambda folder: bert.save_tokenizer(folder, tokenizer_class, True, True)


def sentencepiece(folder: object) -> transformers.AlbertTokenizer:
    """Writes ALBERT's tokenizer into an artifact's folder, and gives it back."""
    (folder / "spiece.model").write_bytes(albert.sentencepiece())
    return transformers.AlbertTokenizer.from_pretrained(folder)


if __name__ == "__main__":
    rows = bert.features()
    save(
        "bert",
        transformers.BertForMultipleChoice(bert.config(classifier_dropout=0.3)),
        wordpiece(transformers.BertTokenizer),
        rows,
    )
    save(
        "albert",
        transformers.AlbertForMultipleChoice(albert.config(classifier_dropout_prob=0.3)),
        sentencepiece,
        albert.features(),
    )
    without_segments = {name: rows[name] for name in ("input_ids", "attention_mask")}
    save(
        "distilbert",
        transformers.DistilBertForMultipleChoice(distilbert.config(seq_classif_dropout=0.3)),
        wordpiece(transformers.DistilBertTokenizer),
        without_segments,
    )
    save(
        "electra",
        transformers.ElectraForMultipleChoice(electra.config()),
        wordpiece(transformers.ElectraTokenizer),
        rows,
    )
    save(
        "roberta",
        transformers.RobertaForMultipleChoice(roberta.config()),
        lambda folder: roberta.save_tokenizer(folder, False, True),
        roberta.features(),
    )
