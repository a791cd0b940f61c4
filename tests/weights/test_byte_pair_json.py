"""Byte-level BPE as transformers writes it: the same ids, or an error."""

from pathlib import Path

import numpy as np
import pytest

from tfzoo import RobertaBackbone, RobertaClassifier, RobertaMaskedLM, TextPreprocessor
from tfzoo.errors import WeightsError

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
TEXTS = ["", " ", "The film  was not good!\n", "caf\u00e9 \U0001f600 <mask", "it's 1984, \u4e2d"]


def set_at(*path):
    """A change of JSON: the last value, at the keys before it."""
    *keys, last, value = path

    def change(config):
        for key in keys:
            config = config[key]
        config[last] = value

    return change


@pytest.mark.parametrize("lines", [True, False])
def test_tokenizer_json_alone_is_both_files(copied, lines):
    def as_lines(tokenizer):
        merges = tokenizer["model"]["merges"]
        assert len(merges) == 48
        assert all(isinstance(merge, list) for merge in merges)
        if lines:
            tokenizer["model"]["merges"] = [" ".join(merge) for merge in merges]

    tokenizer = RobertaMaskedLM.from_preset(copied("roberta_masked_lm", tokenizer=as_lines))
    tokenizer = tokenizer.preprocessor.tokenizer
    files = RobertaClassifier.from_preset(ARTIFACTS / "roberta_classifier" / "model")
    assert tokenizer.get_config() == files.preprocessor.tokenizer.get_config()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_at("model", "type", "WordPiece"), "model.type is 'WordPiece'"),
        (set_at("model", "dropout", 0.1), "model.dropout is 0.1"),
        (set_at("model", "continuing_subword_prefix", "##"), "prefix is '##'"),
        (set_at("model", "end_of_word_suffix", "</w>"), "suffix is '</w>'"),
        (set_at("model", "byte_fallback", True), "byte_fallback is True"),
        (set_at("model", "ignore_merges", True), "ignore_merges is True"),
        (set_at("normalizer", {"type": "Lowercase"}), "normalizer is {'type': 'Lowercase'}"),
        (set_at("pre_tokenizer", "type", "Whitespace"), "is 'Whitespace'"),
        (set_at("pre_tokenizer", "use_regex", False), "use_regex is False"),
        (set_at("pre_tokenizer", None), "pre_tokenizer.type is None"),
        (set_at("post_processor", "type", "BertProcessing"), "BertProcessing"),
        (set_at("model", "vocab", "a", 999), "not those from 0 to 308"),
        (set_at("model", "vocab", 3), "no vocabulary of pieces"),
        (set_at("model", {}), "no vocabulary of pieces"),
        (set_at("model", "merges", None), "no list of merges"),
        (set_at("model", "merges", [3]), "no list of merges"),
        (set_at("model", "merges", [["a"], [1, 2]]), "no list of merges"),
        (set_at("model", "merges", [["a", "b", "c"]]), "Merge 0, 'a b c'"),
        (set_at("added_tokens", [{"content": "<e1>", "id": 309}]), "keeps '<e1>' whole"),
    ],
)
def test_tokenizers_of_another_kind_or_damaged(copied, change, message):
    folder = copied("roberta_masked_lm", tokenizer=change)
    with pytest.raises(WeightsError, match=message):
        RobertaMaskedLM.from_preset(folder)
    RobertaBackbone.from_preset(folder)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("tokenizer_config", set_at("tokenizer_class", "BertTokenizer"), "'BertTokenizer'"),
        ("tokenizer_config", set_at("add_prefix_space", "no"), "add_prefix_space .* is 'no'"),
        ("config", set_at("tokenizer_class", "PhobertTokenizer"), "'PhobertTokenizer'"),
        ("added_tokens", set_at("<e1>", 309), "keeps '<e1>' whole"),
    ],
)
def test_options_of_another_kind(copied, file, change, message):
    folder = copied("roberta_classifier", **{file: change})
    with pytest.raises(WeightsError, match=message):
        RobertaClassifier.from_preset(folder)


def test_casing_means_nothing_here(copied):
    folder = copied("roberta_classifier", tokenizer_config=set_at("do_lower_case", False))
    tokenizer = RobertaClassifier.from_preset(folder).preprocessor.tokenizer
    assert tokenizer(["A"]).to_list() == [[tokenizer.token_to_id("A")]]


def test_the_prefix_is_that_of_the_configuration_then_of_the_tokenizer(copied):
    def prefix(folder, **overrides):
        model = RobertaMaskedLM.from_preset(folder, load_weights=False, **overrides)
        return model.preprocessor.tokenizer.add_prefix_space

    def turn(tokenizer):
        tokenizer["pre_tokenizer"]["add_prefix_space"] = True

    folder = copied("roberta_masked_lm", tokenizer=turn)
    assert prefix(folder) is False
    (folder / "tokenizer_config.json").unlink()
    assert prefix(folder) is True
    assert prefix(folder, add_prefix_space=False) is False


@pytest.mark.parametrize("add_prefix_space", [True, False])
def test_transformers_tokenizes_alike(add_prefix_space, tmp_path):
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    source = RobertaClassifier.from_preset(
        ARTIFACTS / "roberta_classifier" / "model", add_prefix_space=add_prefix_space
    )
    tokenizer = source.preprocessor.tokenizer
    source.save_to_preset(tmp_path / "written", format="huggingface")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "written")
    assert type(theirs) is transformers.RobertaTokenizer
    assert theirs(TEXTS, add_special_tokens=False)["input_ids"] == tokenizer(TEXTS).to_list()
    assert (theirs.mask_token_id, theirs.pad_token_id) == (tokenizer.mask_id, tokenizer.pad_id)
    assert theirs.model_max_length == 24
    preprocessor = TextPreprocessor(tokenizer, sequence_length=24)
    pairs = preprocessor((["the film", "a"], ["was good", ""]))
    wanted = theirs(["the film", "a"], ["was good", ""], padding=True, return_tensors="np")
    np.testing.assert_array_equal(pairs["token_ids"], wanted["input_ids"])
    np.testing.assert_array_equal(pairs["padding_mask"], wanted["attention_mask"])

    theirs.save_pretrained(tmp_path / "again")
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / "written" / name).unlink()
    (tmp_path / "again" / "tokenizer.json").rename(tmp_path / "written" / "tokenizer.json")
    again = RobertaClassifier.from_preset(tmp_path / "written").preprocessor.tokenizer
    assert again.get_config() == tokenizer.get_config()
