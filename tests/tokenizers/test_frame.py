"""Special tokens around texts, with segments and without."""

import pytest
import tensorflow as tf

from tfzoo import BertTokenizer, RobertaTokenizer, TextPreprocessor
from tfzoo.errors import ConfigError
from tfzoo.tokenizers.byte_pair_model import ALPHABET
from tfzoo.tokenizers.frame import Frame
from tfzoo.tokenizers.windows import ContextWindows
from tfzoo.tokenizers.words import WordPreprocessor

BERT = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abc"])
ROBERTA = RobertaTokenizer(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *ALPHABET], [])
A, B, C, SPACE = (ROBERTA.token_to_id(token) for token in ["a", "b", "c", "Ġ"])


@pytest.mark.parametrize(
    ("tokenizer", "texts", "rows", "segments"),
    [
        (BERT, 1, [[2, 7, 3], [2, 3]], [[0, 0, 0], [0, 0]]),
        (BERT, 2, [[2, 7, 3, 8, 9, 3], [2, 3, 3]], [[0, 0, 0, 1, 1, 1], [0, 0, 1]]),
        (ROBERTA, 1, [[0, 7, 2], [0, 2]], [[0] * 3, [0] * 2]),
        (ROBERTA, 2, [[0, 7, 2, 2, 8, 9, 2], [0, 2, 2, 2]], [[0] * 7, [0] * 4]),
    ],
)
def test_rows(tokenizer, texts, rows, segments):
    frame = Frame(tokenizer, texts)
    columns = [tf.ragged.constant(ids, tf.int32) for ids in ([[7], []], [[8, 9], []])][:texts]
    encoded = frame.rows(*columns)
    assert {each.dtype for each in encoded.values()} == {tf.int32}
    assert encoded["token_ids"].to_list() == rows
    assert encoded["segment_ids"].to_list() == segments
    assert frame.size == len(rows[1])
    special = [tokenizer.cls_id, tokenizer.sep_id]
    values = frame.around(*(tf.cast(column, tf.float32) for column in columns))
    assert values.dtype == tf.float32
    assert values.to_list() == [[0 if i in special else i for i in row] for row in rows]


def test_pairs_without_segments():
    preprocessor = TextPreprocessor(ROBERTA, sequence_length=7)
    features = preprocessor((["ab", "a"], ["c", "ccccc"]))
    assert features["token_ids"].numpy().tolist() == [[0, A, B, 2, 2, C, 2], [0, A, 2, 2, C, C, 2]]
    assert not features["segment_ids"].numpy().any()
    with pytest.raises(ConfigError, match="at least 6, 4 special tokens"):
        TextPreprocessor(ROBERTA, sequence_length=5)


def test_windows_without_segments():
    cutter = ContextWindows(TextPreprocessor(ROBERTA, sequence_length=8), stride=2)
    windows = cutter.encode(["a"], ["bcbcb"])
    ids = [[0, A, 2, 2, *window, 2] for window in ([B, C, B], [B, C, B])]
    assert windows.rows["token_ids"].to_list() == ids
    assert windows.column.numpy().tolist() == [4, 4]
    features = cutter.pad(windows.rows)
    assert features["answer_mask"].numpy().tolist() == [[1, 0, 0, 0, 1, 1, 1, 0]] * 2
    assert features["start_mask"].numpy().sum(axis=0).tolist() == [0, 0, 0, 0, 1, 2, 2, 0]


def test_words_have_the_space_before_them():
    words = WordPreprocessor(TextPreprocessor(ROBERTA, sequence_length=16))
    columns = {"words": tf.constant([["a", "bc"]]), "numbers": tf.constant([[1, 2]])}
    columns = {name: tf.RaggedTensor.from_tensor(column) for name, column in columns.items()}
    encoded = words.encode(columns)
    assert encoded["token_ids"].to_list() == [[0, SPACE, A, SPACE, B, C, 2]]
    assert encoded["numbers"].to_list() == [[0, 1, 0, 2, 0, 0, 0]]
