"""A corpus to a folder of prepared data, in one process or several."""

import functools
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import tensorflow as tf
from tqdm import tqdm

from tfzoo.data.prepared.documents import Corpus
from tfzoo.data.prepared.folder import load_tokenizer, save_tokenizer, write_description
from tfzoo.data.prepared.recipe import Recipe
from tfzoo.data.prepared.records import Shard, write_records
from tfzoo.errors import ConfigError, DataError
from tfzoo.folders import written_folder
from tfzoo.tokenizers.tokenizer import Tokenizer

_SHARD_SIZE = 4 * 2**20  # characters
_tokenizer = functools.lru_cache(maxsize=1)(load_tokenizer)  # of all shards of a process


def prepare(
    corpus: Corpus,
    tokenizer: Tokenizer,
    recipe: Recipe,
    folder: str | os.PathLike[str],
    *,
    processes: int = 1,
    shard_size: int = _SHARD_SIZE,
    beam_options: Sequence[str] | None = None,
) -> dict[str, Any]:
    r"""Writes rows for pre-training, all of them or nothing.

    Each shard is made of some documents, by one process. What is in it follows from them, from the
    recipe and from its number, so that it does not depend on how many processes there are.

    Args:
        corpus: the documents.
        tokenizer: turns them into ids; it is saved with the rows.
        recipe: how.
        folder: created.
        processes: how many work at once. Each takes seconds to start, and a few hundred megabytes.
        shard_size: characters of text per shard; a process holds one in memory.
        beam_options: of an Apache Beam pipeline that does the work in place of processes here, such
            as `["--runner=FlinkRunner"]`; its workers see `folder` and the corpus by the same
            paths. None for no pipeline.

    Returns:
        What is in the folder's `prepared.json`.

    Raises:
        DataError: the corpus cannot be read, or gives no rows.
        ConfigError: the folder holds something else or cannot be written, or a value is none.

    Example:
        >>> import tempfile
        >>> from tfzoo.data.prepared import prepared_batches
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "text.txt").write_text("a b. B a.\n\nb b.")
        >>> pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "."]
        >>> made = prepare(
        ...     Corpus([folder / "text.txt"]),
        ...     BertTokenizer(pieces),
        ...     Recipe("full_sentences", sequence_length=8),
        ...     folder / "prepared",
        ... )
        >>> made["documents"], made["rows"], made["fill_share"]
        (2, 2, 0.8125)
        >>> for features, labels, weights in prepared_batches(folder / "prepared", batch_size=2):
        ...     print(features["token_ids"].shape, labels.shape, weights.shape)
        (2, 8) (2, 1) (2, 1)
    """
    for name, value in (("processes", processes), ("shard_size", shard_size)):
        if value < 1:
            raise ConfigError(f"{name} must be at least 1, not {value}.")
    with written_folder(folder, marker=None) as partial:
        save_tokenizer(tokenizer, partial)
        if beam_options is not None:
            from tfzoo.data.prepared.beam import write_with_beam

            shards = write_with_beam(corpus, recipe, partial, shard_size, beam_options)
        else:
            pieces = enumerate(pieces_of(corpus.read(), shard_size))
            tasks = ((recipe, partial, f"{number:05d}", piece) for number, piece in pieces)
            shards = _with_progress(_run(write_shard, tasks, processes))
        _check(recipe, shards)
        return write_description(partial, recipe, corpus, [each for each in shards if each.rows])


def pieces_of(documents: Iterable[list[str]], size: int) -> Iterator[list[list[str]]]:
    """Documents in turn, as many at a time as have `size` characters or are just above.

    Example:
        >>> list(pieces_of([["abc"], ["d", "e"], ["f"]], size=4))
        [[['abc'], ['d', 'e']], [['f']]]
    """
    piece, total = [], 0
    for document in documents:
        piece.append(document)
        total += sum(map(len, document))
        if total >= size:
            yield piece
            piece, total = [], 0
    if piece:
        yield piece


def write_shard(recipe: Recipe, folder: Path, name: str, documents: list[list[str]]) -> Shard:
    """Writes the rows of some documents, with the tokenizer that lies in the same folder."""
    rows = recipe.rows(_tokenizer(folder), documents, name)
    shard = write_records(folder / f"rows-{name}.tfrecord", rows, len(documents))
    if not shard.rows:
        (folder / shard.name).unlink()
    return shard


def _run(function: Callable[..., Shard], tasks: Iterable[tuple], processes: int) -> Iterator[Shard]:
    """What a function returns for each task, in their order; few tasks wait in memory."""
    if processes == 1:
        yield from (function(*task) for task in tasks)
        return
    executor = ProcessPoolExecutor(processes, get_context("spawn"), _start_process)
    pending: deque[Future] = deque()
    try:
        for task in tasks:
            pending.append(executor.submit(function, *task))
            if len(pending) > processes:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool:
        raise ConfigError(
            "A process was killed, which the system does where memory runs out; take fewer "
            "processes, or smaller shards."
        ) from None
    finally:
        executor.shutdown(cancel_futures=True)


def _start_process() -> None:
    """Leaves Ctrl-C to the parent, the GPUs to others, and the cores to the other processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _end_with_parent() -> None:
    """Ends this process where the parent was killed, whose next task it would wait for forever."""
    parent_process().join()
    os._exit(1)


def _with_progress(shards: Iterable[Shard]) -> list[Shard]:
    """The shards; on a terminal a line tells how many tokens there are."""
    done = []
    with tqdm(unit=" tokens", unit_scale=True, disable=None) as progress:
        for shard in shards:
            progress.update(shard.tokens)
            done.append(shard)
    return done


def _check(recipe: Recipe, shards: Sequence[Shard]) -> None:
    documents = sum(each.documents for each in shards)
    if not documents:
        raise DataError("The input has no documents: it is empty, or nothing but white space.")
    if recipe.format == "nsp" and documents < 2:
        raise DataError(
            "The input has one document, and next sentences need others to be told from; look at "
            "where documents end."
        )
    if not any(each.rows for each in shards):
        raise DataError(
            "The documents give no rows: they have no tokens, or for sop none has two sentences; "
            "look at where documents and sentences end."
        )
