"""Folders of prepared data: what is in them, and that they are complete or absent."""

import collections
import dataclasses
import hashlib
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.data.masking import Masking
from tfzoo.data.prepared import Corpus, Recipe, load_tokenizer, preparation, prepare
from tfzoo.data.prepared.beam import write_with_beam
from tfzoo.data.prepared.folder import read_description
from tfzoo.data.prepared.recipe import CAUSAL, FORMATS
from tfzoo.errors import ConfigError, DataError, WeightsError
from tfzoo.tokenizers import GPT2Tokenizer
from tfzoo.tokenizers.byte_pair_model import ALPHABET


def rows_of(folder):
    """All rows as lists, feature by feature, in the order of the files."""
    rows = collections.defaultdict(list)
    for path in sorted(folder.glob("*.tfrecord")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            for name, value in tf.train.Example.FromString(record).features.feature.items():
                rows[name].append(list(value.int64_list.value))
    return {name: np.array(values) for name, values in rows.items()}


def content(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def tokens_of(corpus, tokenizer):
    lines = [line for document in corpus.read() for line in document]
    return tokenizer(lines).flat_values.numpy()


def test_full_sentences_hold_every_token_once_in_order(make, corpus, preprocessor):
    folder = make()
    rows = rows_of(folder)
    ids = rows["token_ids"].ravel()
    words = ids[~np.isin(ids, [0, 2, 3])]
    np.testing.assert_array_equal(words, tokens_of(corpus, preprocessor.tokenizer))
    described = json.loads((folder / "prepared.json").read_text())
    assert described["rows"] == len(rows["token_ids"]) > 50
    assert described["documents"] == 90
    assert described["tokens"] == rows["padding_mask"].sum()
    assert described["fill_share"] == pytest.approx(rows["padding_mask"].mean(), abs=1e-4)
    assert len(described["shards"]) == 4
    assert sum(shard["rows"] for shard in described["shards"].values()) == described["rows"]
    digest = hashlib.sha256(corpus.files[0].read_bytes()).hexdigest()
    assert described["inputs"][0]["sha256"] == digest
    assert read_description(folder).recipe == Recipe(sequence_length=24)


def test_the_folder_has_its_tokenizer(make, preprocessor):
    tokenizer = load_tokenizer(make(format="lines"))
    assert tokenizer.get_config() == preprocessor.tokenizer.get_config()


def test_lines_and_packed_hold_whole_documents(make, corpus, preprocessor):
    lines, packed = rows_of(make(format="lines")), rows_of(make(format="packed"))
    assert len(lines["token_ids"]) == 90
    first = preprocessor.tokenizer(["\n".join(next(corpus.read()))]).to_list()[0]
    assert lines["token_ids"][0, : len(first) + 2].tolist() == [2, *first, 3]
    assert lines["padding_mask"].sum() == packed["padding_mask"].sum()
    assert len(packed["token_ids"]) < 80
    assert packed["sequence_ids"].max() > 1


@pytest.mark.parametrize("unit", ["token", "whole_word"])
def test_static_masks_and_duplicates(make, unit):
    plain = rows_of(make())
    masked = rows_of(make(static=True, duplicates=3, masking=Masking(unit=unit)))
    count = len(plain["token_ids"])
    assert len(masked["token_ids"]) == 3 * count
    assert masked["masked_positions"].shape[1] == 4  # 15% of 24
    restored, weights = masked["token_ids"].copy(), masked["masked_weights"]
    row, column = np.nonzero(weights)
    restored[row, masked["masked_positions"][row, column]] = masked["masked_ids"][row, column]
    assert (restored != masked["token_ids"]).any(axis=1).mean() > 0.5
    wanted = np.maximum(1, np.round(0.15 * (~np.isin(restored, [0, 2, 3])).sum(axis=1)))
    np.testing.assert_array_equal(weights.sum(axis=1), wanted)

    def counted(rows):
        return collections.Counter(map(bytes, rows))

    once = counted(plain["token_ids"])
    assert counted(restored) == {row: 3 * times for row, times in once.items()}
    assert len(counted(masked["token_ids"])) > 2 * len(once)


def test_the_seed_decides_and_processes_do_not(make):
    one = content(make(format="nsp", static=True))
    assert one == content(make(format="nsp", static=True, processes=2))
    assert len(one) == 7  # four shards and three other files
    other = content(make(format="nsp", static=True, seed=1))
    assert {n for n in one if one[n] == other[n]} == {"vocab.txt", "tfzoo.json"}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("static", [False, True])
def test_a_recipe_tells_the_features_of_its_rows(preprocessor, form, static):
    tokenizer = preprocessor.tokenizer
    if form == CAUSAL:
        static, tokenizer = False, GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
    recipe = Recipe(form, sequence_length=12, static=static)
    documents = [["a film .", "it was good ."], ["a great play .", "we saw it ."]]
    for rows in recipe.rows(tokenizer, documents, "0"):
        shapes = {name: (column.shape[1:] or (None,))[0] for name, column in rows.items()}
        assert shapes == recipe.features


def test_a_process_ends_with_its_parent(monkeypatch):
    ended = []
    parent = SimpleNamespace(join=lambda: ended.append("parent"))
    monkeypatch.setattr(preparation, "parent_process", lambda: parent)
    monkeypatch.setattr(preparation.os, "_exit", ended.append)
    preparation._end_with_parent()
    assert ended == ["parent", 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_what_is_interrupted_leaves_nothing(corpus, preprocessor, tmp_path, monkeypatch, error):
    done = []

    def write(*arguments):
        if len(done) == 2:
            raise error
        done.append(preparation.write_shard(*arguments))
        return done[-1]

    run = preparation._run
    monkeypatch.setattr(preparation, "_run", lambda _, tasks, n: run(write, tasks, n))
    with pytest.raises((KeyboardInterrupt, ConfigError)):
        prepare(corpus, preprocessor.tokenizer, Recipe(), tmp_path / "out", shard_size=1500)
    assert len(done) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_pipeline_writes_the_same_rows(corpus, preprocessor, make, tmp_path):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: tfzoo[beam]")
    folder = tmp_path / "beam"
    options = ["--runner=DirectRunner"]
    recipe = Recipe(sequence_length=24)
    prepare(corpus, preprocessor.tokenizer, recipe, folder, shard_size=1500, beam_options=options)
    expected = rows_of(make())
    for name, column in rows_of(folder).items():
        np.testing.assert_array_equal(column, expected[name])
    assert len(read_description(folder).shards) == 4
    assert not list(folder.glob("*.tfrecord.json"))


def test_a_pipeline_without_beam(corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ConfigError, match=r"run `pip install tfzoo\[beam\]`"):
        write_with_beam(corpus, Recipe(), tmp_path, 1500, [])


def test_what_cannot_be_prepared(corpus, preprocessor, tmp_path):
    tokenizer = preprocessor.tokenizer

    def attempt(text=None, folder="out", **values):
        (tmp_path / "in.txt").write_text(text or "")
        chosen = corpus if text is None else Corpus([tmp_path / "in.txt"])
        prepare(chosen, tokenizer, Recipe(**values), tmp_path / folder)

    with pytest.raises(DataError, match="The input has no documents"):
        attempt(" \n\n")
    with pytest.raises(DataError, match="has one document"):
        attempt("a .", format="nsp")
    with pytest.raises(DataError, match="give no rows"):
        attempt("a .\n\na film", format="sop")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("mine")
    with pytest.raises(ConfigError, match="full holds something else; choose another folder"):
        attempt(folder="full")
    for value, message in (
        ({"format": "mlm"}, "format is one of .*, lines, causal, not 'mlm'"),
        ({"sentences": "two"}, "sentences is one of split, lines, not 'two'"),
        ({"sequence_length": 2}, "sequence_length must be at least 3, not 2"),
        ({"sequence_length": 4, "format": "nsp"}, "sequence_length must be at least 5, not 4"),
        ({"duplicates": 0}, "duplicates must be at least 1, not 0"),
        ({"short_share": 2}, "short_share is a share of 1, not 2"),
    ):
        with pytest.raises(ConfigError, match=message):
            attempt(**value)
    with pytest.raises(ConfigError, match="processes must be at least 1, not 0"):
        prepare(corpus, tokenizer, Recipe(), tmp_path / "out", processes=0)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_damaged(make):
    folder = make(format="lines")
    description = json.loads((folder / "prepared.json").read_text())
    shard = next(iter(description["shards"]))

    def rewrite(**changes):
        (folder / "prepared.json").write_text(json.dumps({**description, **changes}))

    rewrite(version=2)
    with pytest.raises(DataError, match="has the version 2, and this tfzoo reads 1"):
        read_description(folder)
    recipe, counts = description["recipe"], description["shards"][shard]
    other = folder / "other"
    other.mkdir()
    (other / shard).write_bytes((folder / shard).read_bytes())
    for change in (
        {"recipe": {"depth": 1}},
        {"recipe": {**recipe, "static": "no"}},
        {"recipe": {**recipe, "sequence_length": 8.0}},
        {"shards": {}},
        {"shards": {"a": 1}},
        {"shards": {f"other/{shard}": counts}},
        {"shards": {f"../{folder.name}/{shard}": counts}},
        {"shards": {str(folder / shard): counts}},
        {"shards": {shard: {**counts, "rows": float("inf")}}},
        {"shards": {shard: {**counts, "rows": -1}}},
    ):
        rewrite(**change)
        with pytest.raises(DataError, match="is damaged; prepare the data again"):
            read_description(folder)
    rewrite()
    assert dataclasses.asdict(read_description(folder).recipe) == description["recipe"]
    (folder / shard).write_bytes((folder / shard).read_bytes()[:-1])
    with pytest.raises(DataError, match=f"{shard} is missing or cut off"):
        read_description(folder)
    for name in ("TextPreprocessor", ["BertTokenizer"]):
        (folder / "tfzoo.json").write_text(json.dumps({"tokenizer": {"class": name}}))
        with pytest.raises(WeightsError, match="names no tokenizer that tfzoo has"):
            load_tokenizer(folder)
    with pytest.raises(DataError, match=r"no folder that tfzoo\.prepare wrote"):
        read_description(folder.parent)
