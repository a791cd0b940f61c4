"""Batches for pre-training: every row once per epoch, one shape, masked on the way to `fit`."""

import collections

import keras
import numpy as np
import pytest

from tfzoo import BertMaskedLM, TextPreprocessor
from tfzoo.data.masking import masked_batches
from tfzoo.data.packing import full_sentences, packed_rows
from tfzoo.data.rows import fill_share, sentence_rows, text_rows
from tfzoo.errors import ConfigError, DataError
from tfzoo.training import AdamW

TEXTS = ["we saw a good film .", "we saw a very good film !", "the film was not bad .", "", "it"]
DOCUMENTS = [TEXTS[:2], TEXTS[2:]] * 9
SPECIAL = [0, 2, 3]  # [PAD], [CLS], [SEP]


@pytest.fixture(scope="module")
def make(preprocessor):
    """Functions that make batches of documents or texts, and the rows that should be in them."""
    tokenizer = preprocessor.tokenizer

    def sentences(source=DOCUMENTS, **options):
        return full_sentences(tokenizer, source, 16, **options)

    def packed(source=TEXTS * 9, **options):
        return packed_rows(preprocessor, source, **options)

    return {
        "sentences": (sentences, DOCUMENTS, list(sentence_rows(tokenizer, DOCUMENTS, 16))),
        "packed": (packed, TEXTS * 9, list(text_rows(preprocessor, TEXTS * 9))),
    }


def rows_of(batches):
    """The rows of an epoch but for empty ones, each the bytes of all its features."""
    found = []
    for batch in batches:
        columns = [np.asarray(batch[name]) for name in sorted(batch)]
        real = np.asarray(batch["padding_mask"]).any(axis=1)
        found += [b"".join(c[i].tobytes() for c in columns) for i in np.flatnonzero(real)]
    return found


@pytest.mark.parametrize("kind", ["sentences", "packed"])
@pytest.mark.parametrize("streamed", [False, True])
def test_every_row_once_per_epoch_in_batches_of_one_shape(make, kind, streamed):
    batches_of, source, rows = make[kind]
    expected = collections.Counter(rows_of(rows))
    dataset = batches_of((lambda: iter(source)) if streamed else source, batch_size=4, seed=1)
    assert {spec.shape.as_list() == [4, 16] for spec in dataset.element_spec.values()} == {True}
    first, second = rows_of(dataset), rows_of(dataset)
    assert collections.Counter(first) == collections.Counter(second) == expected
    assert first != second
    assert fill_share(dataset) <= fill_share(rows)
    assert sum(expected.values()) % 4, "else nothing is filled up"
    if not streamed:
        assert len(dataset) == -(-sum(expected.values()) // 4)


def test_the_seed_decides_the_order(make):
    batches_of, _, rows = make["sentences"]

    def epochs(**options):
        dataset = batches_of(batch_size=4, **options)
        return rows_of(dataset), rows_of(dataset)

    first = epochs(seed=1)
    assert epochs(seed=1) == first
    assert epochs(seed=2)[0] != first[0]
    assert epochs(shuffle=False) == (rows_of(rows), rows_of(rows))


@pytest.mark.parametrize("kind", ["sentences", "packed"])
def test_masks_are_of_one_shape_anew_each_epoch_and_never_on_special_tokens(
    make, preprocessor, kind
):
    batches_of, _, _ = make[kind]
    before = batches_of(batch_size=4, shuffle=False)
    masked = masked_batches(before, preprocessor.tokenizer, seed=0)
    assert masked.element_spec[0]["masked_positions"].shape == (4, 2)  # 15% of 16
    epochs = [], []
    for epoch in epochs:
        for plain, (features, labels, weights) in zip(before, masked, strict=True):
            was, now = plain["token_ids"].numpy(), features["token_ids"].numpy()
            special = np.isin(was, SPECIAL) | (plain["padding_mask"].numpy() == 0)
            np.testing.assert_array_equal(was[special], now[special])
            assert not np.isin(labels.numpy()[weights.numpy() > 0], SPECIAL).any()
            assert features.keys() == {*plain, "masked_positions"}
            epoch.append(now)
    assert (np.stack(epochs[0]) != np.stack(epochs[1])).any()


def test_a_masked_language_model_takes_them_as_they_are(make, tiny_bert, preprocessor):
    batches_of, _, _ = make["packed"]
    model = BertMaskedLM(tiny_bert(num_layers=1, dropout=0.0), preprocessor=preprocessor)
    model.compile(AdamW(0.01))
    keras.utils.set_random_seed(0)
    batches = batches_of(batch_size=8, seed=0)
    history = model.fit(batches, validation_data=batches_of(batch_size=8), epochs=8, verbose=0)
    losses = history.history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    fixed = batches_of(batch_size=8, shuffle=False)
    assert model.evaluate(fixed, verbose=0) == model.evaluate(fixed, verbose=0)
    assert model.evaluate(fixed, verbose=0, return_dict=True)["loss"] < losses[0]


def test_what_cannot_be_packed(preprocessor):
    tokenizer = preprocessor.tokenizer
    for documents in ([], [["", ""]], list):
        with pytest.raises(DataError, match="There are no texts to fill rows with"):
            full_sentences(tokenizer, documents, 16)
    with pytest.raises(ConfigError, match="batch_size must be at least 1, not 0"):
        packed_rows(TextPreprocessor(tokenizer, 16), TEXTS, batch_size=0)
