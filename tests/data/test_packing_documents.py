"""Rows of documents for language models: what stands before what, and who sees whom."""

import keras
import numpy as np
import pytest

from tfzoo import BertTokenizer, GPT2Backbone, GPT2CausalLM, GPT2Tokenizer
from tfzoo.data import rows as module
from tfzoo.data.masking import Masking
from tfzoo.data.packing import packed_documents
from tfzoo.data.prepared import Corpus, Recipe, prepare, prepared_batches
from tfzoo.data.rows import document_rows
from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers.byte_pair_model import ALPHABET
from tfzoo.training import AdamW

END = 7  # the id of the end token, which need not be the first
DOCUMENTS = ["abc", "", "de", "fghijklmnopqrstu", "v", "wxyz"] * 3
WIDTH = 8


@pytest.fixture(scope="module")
def tokenizer():
    vocabulary = [*ALPHABET]
    vocabulary.insert(END, "<|endoftext|>")
    return GPT2Tokenizer(vocabulary, [])


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    backbone = GPT2Backbone(
        vocabulary_size=257,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        dropout=0.0,
        max_sequence_length=24,
    )
    for variable in backbone.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(10 * variable)
    return GPT2CausalLM(backbone)


def joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def in_a_loop(tokenizer):
    """For each token its label and the number of its document, as one would write it down."""
    found = []
    for number, document in enumerate(filter(None, DOCUMENTS)):
        ids = tokenizer([document]).to_list()[0]
        found += zip([END, *ids], [*ids, END], [number] * (len(ids) + 1), strict=True)
    return np.array(found).T


@pytest.mark.parametrize("at_once", [1, 4, 256])
def test_the_next_token_is_of_the_same_document(tokenizer, monkeypatch, at_once):
    monkeypatch.setattr(module, "_DOCUMENTS", at_once)
    rows = joined(list(document_rows(tokenizer, DOCUMENTS, WIDTH)))
    token_ids, labels, numbers = in_a_loop(tokenizer)
    count = len(token_ids)
    assert count % WIDTH, "else nothing is padded"
    assert rows["padding_mask"].shape == (-(-count // WIDTH), WIDTH)
    np.testing.assert_array_equal(
        rows["padding_mask"].ravel(), np.arange(rows["labels"].size) < count
    )
    np.testing.assert_array_equal(rows["token_ids"].ravel()[:count], token_ids)
    np.testing.assert_array_equal(rows["labels"].ravel()[:count], labels)
    sequences = rows["sequence_ids"]
    np.testing.assert_array_equal(sequences > 0, rows["padding_mask"] > 0)
    np.testing.assert_array_equal(sequences[:, 0], 1)
    same = np.diff(sequences.ravel()[:count]) == 0
    within = np.arange(1, count) % WIDTH > 0
    np.testing.assert_array_equal(same[within], (np.diff(numbers) == 0)[within])
    assert {each.dtype for each in rows.values()} == {np.dtype("int32")}


def test_documents_do_not_see_one_another(tokenizer, model):
    texts = ["abc", "de", "fghij", "klm", "nopq"]  # which fill a row
    (row,) = document_rows(tokenizer, texts, sum(len(text) + 1 for text in texts))
    packed = keras.ops.convert_to_numpy(model(row))[0]
    alone = [
        keras.ops.convert_to_numpy(model(next(document_rows(tokenizer, [text], len(text) + 1))))[0]
        for text in texts
    ]
    np.testing.assert_allclose(packed, np.concatenate(alone), atol=1e-5)
    del row["sequence_ids"]
    seen = keras.ops.convert_to_numpy(model(row))[0]
    assert np.abs(seen - packed)[4:].max() > 0.1, "else nothing depends on what is before"


@pytest.mark.parametrize("streamed", [False, True])
def test_every_row_once_per_epoch(tokenizer, streamed):
    expected = sorted(joined(list(document_rows(tokenizer, DOCUMENTS, WIDTH)))["labels"].tolist())
    source = (lambda: iter(DOCUMENTS)) if streamed else DOCUMENTS
    batches = packed_documents(tokenizer, source, WIDTH, batch_size=4, seed=1)
    epochs = [np.concatenate([batch["labels"] for batch in batches]).tolist() for _ in range(2)]
    assert epochs[0] != epochs[1]
    for epoch in epochs:
        missing = len(epoch) - len(expected)
        assert sorted(epoch) == sorted([*expected, *[[0] * WIDTH] * missing])
        assert missing == -len(expected) % 4


def test_a_language_model_takes_them_as_they_are(tokenizer, model):
    batches = packed_documents(tokenizer, DOCUMENTS, WIDTH, batch_size=4, seed=0)
    model.compile(AdamW(0.01))
    losses = model.fit(batches, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    scores = model.evaluate(batches, verbose=0, return_dict=True)
    assert scores["perplexity"] == pytest.approx(np.exp(scores["loss"]), rel=1e-5)
    rows = joined(list(document_rows(tokenizer, DOCUMENTS, WIDTH)))
    each = keras.ops.convert_to_numpy(model(rows))
    mean = each[rows["padding_mask"] > 0].mean()
    assert scores["loss"] == pytest.approx(mean, rel=1e-5), "padding and empty rows count nothing"


def test_prepared_rows_are_the_same(tokenizer, tmp_path):
    (tmp_path / "text.txt").write_text("ab\ncd\n\n\nef\n")
    recipe = Recipe("causal", sequence_length=4)
    prepare(Corpus([tmp_path / "text.txt"]), tokenizer, recipe, tmp_path / "rows")
    (batch,) = prepared_batches(tmp_path / "rows", batch_size=3, shuffle=False)
    expected = joined(list(document_rows(tokenizer, ["ab\ncd", "ef"], 4)))
    assert batch.keys() == expected.keys()
    for name, column in expected.items():
        np.testing.assert_array_equal(batch[name], column)
    shuffled = prepared_batches(tmp_path / "rows", batch_size=1, seed=1)
    rows = [each["labels"].numpy().tolist() for each in shuffled]
    assert sorted(rows) == sorted(expected["labels"][:, None].tolist())
    with pytest.raises(ConfigError, match="that predict the next token; leave masking out"):
        prepared_batches(tmp_path / "rows", masking=Masking())


def test_what_makes_no_rows(tokenizer):
    for documents in ([], ["", ""]):
        with pytest.raises(DataError, match="There are no texts to fill rows with"):
            packed_documents(tokenizer, documents, WIDTH)
    with pytest.raises(DataError, match=r"Document 1 is not a string but list \(\['b'\]\)"):
        packed_documents(tokenizer, ["a", ["b"]], WIDTH)
    with pytest.raises(ConfigError, match="sequence_length must be at least 1, not 0"):
        packed_documents(tokenizer, ["a"], 0)
    bert = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    with pytest.raises(ConfigError, match="A BertTokenizer has no token that ends documents"):
        packed_documents(bert, ["a"], WIDTH)
    with pytest.raises(ConfigError, match="format causal have no masks"):
        Recipe("causal", static=True)
    with pytest.raises(ConfigError, match="sequence_length must be at least 1, not 0"):
        Recipe("causal", sequence_length=0)
    for form in ("packed", "full_sentences", "nsp"):
        with pytest.raises(ConfigError, match=r"A GPT2Tokenizer has no mask.*format causal"):
            next(Recipe(form).rows(tokenizer, [["a"]], "0"))
