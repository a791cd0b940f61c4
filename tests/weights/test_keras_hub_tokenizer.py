"""KerasHub's tokenizer beside ours, and the one that it makes of a preset of ours."""

import pytest

from tfzoo import BertClassifier, BertTokenizer, TextPreprocessor

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "film", "##s", "was", "good", "!"]
VOCABULARY += ["cafe", "café", "##é", "電", "影", ".", "'", "n", "t", "don", "x" * 120, "i", "ß"]
ALIKE = [
    "A film was good!",
    "films, films... don't",
    "電影 was 電good",
    " \ta\r\n film\t",
    "[SEP] [MASK] [sep]",
    "unknown words #s ##s $ —",
    "",
    "   ",
]
# Where KerasHub's tokenizer differs from BERT's, and with it from ours: it splits at control and
# format characters, which BERT drops, knows no spaces but ASCII's, folds case instead of
# lower-casing, leaves accents where its own presets say so, gives up on words over 100 bytes.
UNLIKE = {
    "film\x00s": ([6, 7], [6, 1]),
    "a\u00adfilm": ([1], [5, 6]),
    "a\x0bfilm": ([1], [5, 6]),
    "a\u00a0film": ([5, 6], [1]),
    "a\u3000film": ([5, 6], [1]),
    "ß": ([23], [1]),
    "\ufffd": ([], [1]),
    "x" * 120: ([21], [1]),
    "café": ([11], [12]),
    "İ": ([22], [1]),
}
ACCENTED = ["café", "cafe\u0301", "İ"]


@pytest.fixture
def models():
    import keras_nlp

    return keras_nlp.models


@pytest.mark.parametrize("lowercase", [True, False])
def test_tokenizers_agree_where_keras_hub_follows_bert(models, lowercase):
    ours = BertTokenizer(VOCABULARY, lowercase=lowercase)
    theirs = models.BertTokenizer(VOCABULARY, lowercase=lowercase)
    for text in ALIKE:
        assert ours([text]).to_list()[0] == list(theirs(text)), text


def test_tokenizers_differ_where_keras_hub_leaves_bert(models):
    ours = BertTokenizer(VOCABULARY, lowercase=True)
    theirs = models.BertTokenizer(VOCABULARY, lowercase=True)
    for text, (expected, other) in UNLIKE.items():
        assert ours([text]).to_list()[0] == expected, text
        assert list(theirs(text)) == other, text


@pytest.mark.parametrize("lowercase", [True, False])
def test_written_tokenizer_strips_accents_as_ours_does(models, tiny_bert, tmp_path, lowercase):
    ours = BertTokenizer(VOCABULARY, lowercase=lowercase)
    backbone = tiny_bert(num_layers=1, vocabulary_size=len(VOCABULARY))
    model = BertClassifier(backbone, preprocessor=TextPreprocessor(ours, sequence_length=16))
    model.save_to_preset(tmp_path / "preset", format="keras_hub")
    theirs = models.BertTokenizer.from_preset(str(tmp_path / "preset"))
    for text in [*ALIKE, *ACCENTED]:
        assert ours([text]).to_list()[0] == list(theirs(text)), text
    read = BertClassifier.from_preset(tmp_path / "preset").preprocessor.tokenizer
    assert read.get_config() == ours.get_config()
