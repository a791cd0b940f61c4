"""Has transformers write tiny DistilBERTs; see make_huggingface.py.

python tests/artifacts/make_huggingface_distilbert.py
"""

import transformers
from make_huggingface import SIZES, labelled, save

NAMES = {
    "vocab_size": "vocab_size",
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "max_position_embeddings": "max_position_embeddings",
}


def config(**changes: object) -> transformers.DistilBertConfig:
    """A configuration of the tiny sizes."""
    sizes = {NAMES[name]: size for name, size in SIZES.items()}
    return transformers.DistilBertConfig(**sizes, **changes, attn_implementation="eager")


def save_distilbert(name: str, model: transformers.PreTrainedModel, **options: object) -> None:
    """Writes an artifact."""
    save(f"distilbert_{name}", model, tokenizer_class=transformers.DistilBertTokenizer, **options)


if __name__ == "__main__":
    bare = transformers.DistilBertModel(config(activation="relu"))
    save_distilbert("encoder", bare, vocabulary_file=True)
    masked_lm = transformers.DistilBertForMaskedLM(config())
    save_distilbert("masked_lm", masked_lm, lowercase=False)
    classes = config(**labelled("schlecht", "größer \N{SNOWMAN}"), seq_classif_dropout=0.3)
    save_distilbert("classifier", transformers.DistilBertForSequenceClassification(classes))
    entities = config(**labelled("O", "B-PER", "I-PER"))
    save_distilbert("token_classifier", transformers.DistilBertForTokenClassification(entities))
    save_distilbert("question_answerer", transformers.DistilBertForQuestionAnswering(config()))
