"""Turns text into rows for pre-training, and learns vocabularies from text.

  python -m tfzoo.prepare --train_vocabulary=wordpiece --vocabulary_size=8000 \\
      --input='wiki/*.txt.gz' --output=vocabulary
  python -m tfzoo.prepare --input='wiki/*.txt.gz' --tokenizer=vocabulary --format=nsp \\
      --sequence_length=128 --output=prepared

An input is a path, a pattern, a folder, or a handle of a file. A document of plain text ends at a
blank line (--documents tells of others); in .jsonl, .csv and .tsv each line has one, in the column
--text. Files may be packed by gzip. The rows are

  nsp              pairs of segments, half of which do not follow each other: BERT
  sop              pairs of segments, half of which are swapped: ALBERT
  full_sentences   as many sentences in turn as fit: RoBERTa, ELECTRA
  packed           several short texts, which do not see each other
  lines            one text
  causal           documents in turn, with <|endoftext|> between them: GPT

of which in packed and lines each document is a text, and by default each line a document. Tokens
are masked while training, or with --masking=static now; but those of causal are predicted one after
the other, and --train_vocabulary=gpt2_bpe learns a vocabulary for it. A folder is written
completely or not at all; tfzoo.data.prepared.prepared_batches reads it for fit.
"""

import dataclasses
from itertools import chain
from pathlib import Path

import tensorflow as tf
from absl import flags

from tfzoo.binaries.common_flags import columns
from tfzoo.binaries.run import require, run
from tfzoo.data.mask_units import UNITS
from tfzoo.data.masking import ELECTRA, Masking
from tfzoo.data.prepared import Corpus, Recipe, find_files, load_tokenizer, prepare
from tfzoo.data.prepared.documents import DOCUMENTS
from tfzoo.data.prepared.folder import save_tokenizer
from tfzoo.data.prepared.recipe import FORMATS, SENTENCES, TEXTS
from tfzoo.errors import ConfigError
from tfzoo.folders import written_folder
from tfzoo.models import Backbone
from tfzoo.tasks import Task
from tfzoo.tokenizers import ElectraTokenizer, GPT2Tokenizer, RobertaTokenizer, training
from tfzoo.tokenizers.tokenizer import Tokenizer
from tfzoo.weights import preset
from tfzoo.weights.formats.tfzoo import MARKER

_STATIC_DUPLICATES = 10  # as BERT's authors took
_BYTE_PAIRS = {"bpe": RobertaTokenizer, "gpt2_bpe": GPT2Tokenizer}
_VOCABULARIES = ("wordpiece", *_BYTE_PAIRS, "sentencepiece")


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_multi_string("input", [], "text; may be given several times", values)
    flags.DEFINE_string("output", None, "a new folder for the result", values)
    require(values, input="'wiki/*.txt'", output="prepared")
    flags.DEFINE_enum("documents", None, DOCUMENTS, "where those of plain text end", values)
    flags.DEFINE_string("text", "text", "column: a name, or an index where no header is", values)
    flags.DEFINE_string("delimiter", None, "what separates columns; else as names say", values)

    flags.DEFINE_string("tokenizer", None, "a vocabulary's folder, or a handle of weights", values)
    flags.DEFINE_enum("format", "full_sentences", FORMATS, "of the rows", values)
    flags.DEFINE_integer("sequence_length", 128, "tokens of a row", flag_values=values)
    flags.DEFINE_enum("sentences", "split", SENTENCES, "split by a rule, or one a line", values)
    flags.DEFINE_float(
        "short_share", 0.1, "of the pairs, whose length is random", flag_values=values
    )
    flags.DEFINE_enum("masking", "dynamic", ["dynamic", "static"], "later, or now", values)
    flags.DEFINE_enum("mask_unit", "token", UNITS, "what is masked as a whole", values)
    flags.DEFINE_float("mask_share", 0.15, "of the tokens", flag_values=values)
    flags.DEFINE_integer(
        "duplicates",
        None,
        f"how often the text is gone through; 1, or {_STATIC_DUPLICATES} with static masks",
        flag_values=values,
    )
    flags.DEFINE_integer("seed", 0, "of pairs and masks", flag_values=values)
    flags.DEFINE_integer(
        "processes", 1, "that work at once; the result is the same", flag_values=values
    )
    flags.DEFINE_float(
        "shard_megabytes", 4.0, "millions of characters per shard", flag_values=values
    )
    flags.DEFINE_multi_string("beam", None, "an option of an Apache Beam pipeline to run", values)

    flags.DEFINE_enum("train_vocabulary", None, _VOCABULARIES, "learn one instead", values)
    flags.DEFINE_integer("vocabulary_size", 30000, "pieces to learn", flag_values=values)
    flags.DEFINE_boolean("lowercase", True, "of a vocabulary of no bpe", values)


def main(values: flags.FlagValues) -> None:
    by_line = not values.train_vocabulary and values.format in TEXTS
    corpus = Corpus(
        find_files(values.input),
        **columns(values, "text"),
        delimiter=values.delimiter,
        documents=values.documents or ("lines" if by_line else "blank_lines"),
    )
    if values.train_vocabulary:
        _learn(corpus, values)
        return
    if not values.tokenizer:
        raise ConfigError("Give --tokenizer=FOLDER or a handle, or --train_vocabulary first.")
    tokenizer = _tokenizer(values.tokenizer)
    static = values.masking == "static"
    masking = ELECTRA if isinstance(tokenizer, ElectraTokenizer) else Masking()
    recipe = Recipe(
        format=values.format,
        sequence_length=values.sequence_length,
        masking=dataclasses.replace(masking, share=values.mask_share, unit=values.mask_unit),
        static=static,
        duplicates=values.duplicates or (_STATIC_DUPLICATES if static else 1),
        sentences=values.sentences,
        short_share=values.short_share,
        seed=values.seed,
    )
    made = prepare(
        corpus,
        tokenizer,
        recipe,
        values.output,
        processes=values.processes,
        shard_size=int(values.shard_megabytes * 1e6),
        beam_options=values.beam,
    )
    print(
        f"{values.output}: {made['rows']:,} rows of {values.sequence_length} tokens, "
        f"{made['fill_share']:.1%} of which are no padding, of {made['documents']:,} documents."
    )


def _learn(corpus: Corpus, values: flags.FlagValues) -> None:
    """Learns a vocabulary from the lines of a corpus."""
    lines, size = chain.from_iterable(corpus.read()), values.vocabulary_size
    with written_folder(values.output, marker=None) as partial:
        if tokenizer_class := _BYTE_PAIRS.get(values.train_vocabulary):
            tokenizer = training.train_byte_pair(lines, size, tokenizer_class)
        elif values.train_vocabulary == "wordpiece":
            tokenizer = training.train_wordpiece(lines, size, values.lowercase)
        else:
            tokenizer = training.train_sentencepiece(lines, size, values.lowercase)
        save_tokenizer(tokenizer, partial)
    print(f"{values.output}: {type(tokenizer).__name__}, {tokenizer.vocabulary_size:,} pieces.")


def _tokenizer(handle: str) -> Tokenizer:
    """The tokenizer in a folder of tfzoo's, or the one that goes with some weights."""
    folder = Path(handle).expanduser()
    if (folder / MARKER).is_file():
        return load_tokenizer(folder)
    backbone_class, source = preset.open_preset(Backbone.choices(), handle)
    task = next(each for each in Task.choices() if each.backbone_class is backbone_class)
    return preset.tokenizer(task.tokenizer_class, source, handle, backbone_class.presets, {})


if __name__ == "__main__":
    tf.config.set_visible_devices([], "GPU")  # they are for others
    run(main, define_flags)
