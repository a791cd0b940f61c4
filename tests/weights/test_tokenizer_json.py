"""WordPiece tokenizers as transformers writes them: the same ids, or an error."""

from pathlib import Path

import numpy as np
import pytest

from tfzoo import BertBackbone, BertClassifier, BertMaskedLM, TextPreprocessor
from tfzoo.errors import WeightsError
from tfzoo.weights.formats import open_source

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
NAMES = sorted(path.name.removeprefix("huggingface_") for path in ARTIFACTS.glob("huggingface_*"))


def model_folder(name):
    return ARTIFACTS / f"huggingface_{name}" / "model"


@pytest.mark.parametrize("name", NAMES)
def test_ids_of_texts(name):
    with np.load(model_folder(name).parent / "expected.npz") as file:
        expected = dict(file)
    model = BertClassifier.from_preset(model_folder(name), load_weights=False)
    tokenizer = model.preprocessor.tokenizer
    rows = TextPreprocessor(tokenizer, 100)(list(expected["texts"]))["token_ids"]
    np.testing.assert_array_equal(rows, expected["text_ids"])
    assert tokenizer.lowercase is (name not in ("masked_lm", "sharded", "token_classifier"))


@pytest.mark.parametrize("name", ["pretraining", "sharded"])
def test_ids_of_nasty_texts(name):
    tokenizers = pytest.importorskip("tokenizers")
    path = model_folder(name) / "tokenizer.json"
    theirs = tokenizers.Tokenizer.from_file(str(path))
    model = BertClassifier.from_preset(path.parent, load_weights=False)
    texts = nasty_texts()
    expected = [row.ids for row in theirs.encode_batch(texts, add_special_tokens=False)]
    assert model.preprocessor.tokenizer(texts).to_list() == expected


def nasty_texts():
    characters = "abzABßé\u0301中!,.-' \t\n\r\u00a0\u00ad\u200b\u2028\ufeff\ufffd\x00\x7f\u0130"
    chance = np.random.default_rng(0)
    return ["", " ", *("".join(chance.choice(list(characters), 12)) for _ in range(500))]


@pytest.mark.parametrize("lowercase", [True, False])
def test_transformers_tokenizes_alike(lowercase, tmp_path):
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    source = BertClassifier.from_preset(model_folder("pretraining"), lowercase=lowercase)
    tokenizer = source.preprocessor.tokenizer
    source.save_to_preset(tmp_path / "written", format="huggingface")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "written")
    texts = nasty_texts()
    assert theirs(texts, add_special_tokens=False)["input_ids"] == tokenizer(texts).to_list()
    assert theirs.mask_token_id == tokenizer.mask_id
    assert theirs.model_max_length == 24
    pair = theirs("the film", "was good")
    features = source.preprocessor((["the film"], ["was good"]))
    assert pair["input_ids"] == features["token_ids"][0].numpy().tolist()
    assert pair["token_type_ids"] == features["segment_ids"][0].numpy().tolist()

    theirs.save_pretrained(tmp_path / "again")
    (tmp_path / "written" / "vocab.txt").unlink()
    (tmp_path / "again" / "tokenizer.json").rename(tmp_path / "written" / "tokenizer.json")
    again = BertClassifier.from_preset(tmp_path / "written").preprocessor.tokenizer
    assert again.get_config() == tokenizer.get_config()


def set_at(*path):
    """A change of JSON: the last value, at the keys before it."""
    *keys, last, value = path

    def change(config):
        for key in keys:
            config = config[key]
        config[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_at("model", "type", "BPE"), "model.type is 'BPE'"),
        (set_at("model", {}), "model.unk_token is None"),
        (set_at("model", "continuing_subword_prefix", ""), "prefix is ''"),
        (set_at("model", "max_input_chars_per_word", 10), "max_input_chars_per_word is 10"),
        (set_at("normalizer", {"type": "Sequence", "normalizers": []}), "is 'Sequence'"),
        (set_at("normalizer", None), "normalizer.type is None"),
        (set_at("normalizer", "clean_text", False), "clean_text is False"),
        (set_at("normalizer", "handle_chinese_chars", False), "handle_chinese_chars is False"),
        (set_at("normalizer", "strip_accents", False), "strip_accents is False"),
        (set_at("pre_tokenizer", "type", "Whitespace"), "is 'Whitespace'"),
        (set_at("post_processor", "single", []), r"single is \[\]"),
        (set_at("post_processor", "type", "RobertaProcessing"), "RobertaProcessing"),
        (set_at("model", "vocab", "the", 99), "not those from 0 to 87"),
        (set_at("model", "vocab", "the", 0), "not those from 0 to 87"),
        (set_at("model", "vocab", "the", "9"), "not those from 0 to 87"),
        (set_at("model", "vocab", "the", [9]), "not those from 0 to 87"),
        (set_at("model", "vocab", [["the", 0]]), "no vocabulary of pieces"),
        (set_at("model", "vocab", "a\nb", 88), r"'a\\nb' .* is not a line of text"),
        (set_at("model", "vocab", "\ud800", 88), "is not a line of text"),
        (set_at("added_tokens", [{"content": "<e1>", "id": 88}]), "keeps '<e1>' whole"),
        (set_at("added_tokens", [{"content": ["[PAD]"], "id": 0}]), "no vocabulary of pieces"),
        (set_at("added_tokens", 3), "no vocabulary of pieces"),
    ],
)
def test_tokenizers_of_another_kind_or_damaged(copied, change, message):
    folder = copied("huggingface_pretraining", tokenizer=change)
    with pytest.raises(WeightsError, match=message):
        BertMaskedLM.from_preset(folder)
    BertBackbone.from_preset(folder)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("pretraining", {"strip_accents": False}, "strip_accents is False"),
        ("masked_lm", {"strip_accents": True}, "strip_accents is True"),
        ("masked_lm", {"tokenize_chinese_chars": False}, "tokenize_chinese_chars is False"),
        ("masked_lm", {"do_basic_tokenize": False}, "do_basic_tokenize is False"),
        ("masked_lm", {"tokenizer_class": "BertJapaneseTokenizer"}, "BertJapaneseTokenizer"),
    ],
)
def test_tokenizer_options_of_another_kind(copied, name, changes, message):
    folder = copied(f"huggingface_{name}", tokenizer_config=lambda config: config.update(changes))
    with pytest.raises(WeightsError, match=message):
        BertMaskedLM.from_preset(folder)


def test_words_added_to_a_vocabulary_file(copied):
    folder = copied(
        "huggingface_masked_lm", added_tokens=lambda tokens: tokens.update({"<e1>": 88})
    )
    with pytest.raises(WeightsError, match="keeps '<e1>' whole"):
        BertMaskedLM.from_preset(folder)


def test_special_tokens_may_be_added_ones(copied):
    def move(tokenizer):
        assert tokenizer["model"]["vocab"].pop("[MASK]") == tokenizer["added_tokens"][4]["id"]

    model = BertMaskedLM.from_preset(copied("huggingface_pretraining", tokenizer=move))
    assert model.preprocessor.tokenizer.mask_id == 4


def test_casing_is_that_of_the_configuration_then_of_the_tokenizer(copied):
    folder = copied("huggingface_sharded", tokenizer_config=set_at("do_lower_case", True))
    assert open_source(folder).lowercase is True
    (folder / "tokenizer_config.json").unlink()
    assert open_source(folder).lowercase is False
    (folder / "tokenizer.json").unlink()
    assert open_source(folder).lowercase is None
