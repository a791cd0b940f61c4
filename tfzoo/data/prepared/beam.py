"""The same work in an Apache Beam pipeline, for corpora that outgrow one machine."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfzoo.data.prepared.documents import Corpus
from tfzoo.data.prepared.preparation import pieces_of, write_shard
from tfzoo.data.prepared.recipe import Recipe
from tfzoo.data.prepared.records import Shard
from tfzoo.errors import ConfigError, DataError, TfzooError


def write_with_beam(
    corpus: Corpus, recipe: Recipe, folder: Path, shard_size: int, options: Sequence[str]
) -> list[Shard]:
    """Writes shards of a corpus, each file of which is read by one worker.

    Args:
        corpus: its paths are seen by all workers.
        recipe: how rows are made.
        folder: has the tokenizer, and is seen by all workers.
        shard_size: characters of text per shard; no shard has documents of two files.
        options: of the pipeline.

    Raises:
        ConfigError: Apache Beam is not installed, or the pipeline fails.
        DataError: a file cannot be read.
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError:
        raise ConfigError("A pipeline needs Apache Beam; run `pip install tfzoo[beam]`.") from None

    def pieces(numbered: tuple[int, Path]) -> Iterator[tuple[str, list[list[str]]]]:
        number, path = numbered
        documents = dataclasses.replace(corpus, files=[path]).read()
        for index, piece in enumerate(pieces_of(documents, shard_size)):
            yield f"{number:05d}-{index:05d}", piece

    def write(named: tuple[str, list[list[str]]]) -> None:
        shard = write_shard(recipe, folder, *named)
        (folder / f"{shard.name}.json").write_text(json.dumps(dataclasses.asdict(shard)))

    try:
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            _ = (
                pipeline
                | beam.Create(list(enumerate(corpus.files)))
                | beam.FlatMap(pieces)
                | beam.Reshuffle()
                | beam.Map(write)
            )
    except TfzooError:
        raise
    except Exception as error:  # of runners there are many
        message = str(error).strip().partition("\n")[0]
        raise DataError(f"The pipeline failed ({message:.300}).") from error
    return [_counted(path) for path in sorted(folder.glob("*.tfrecord.json"))]


def _counted(path: Path) -> Shard:
    shard = Shard(**json.loads(path.read_text()))
    path.unlink()
    return shard
