"""How a binary starts and ends: flags in, and one sentence instead of a traceback out."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from absl import app, flags, logging

from tfzoo.errors import ConfigError, TfzooError, TrainingStoppedError

_INTERRUPTED = 128 + 2  # what a shell reports for SIGINT
_PIPE_CLOSED = 128 + 13  # and for SIGPIPE
_START_AGAIN = os.EX_TEMPFAIL  # 75, for which job managers can be told to start a job again


def run(
    main: Callable[[flags.FlagValues], None], define_flags: Callable[[flags.FlagValues], None]
) -> None:
    """Runs a binary and exits.

    Args:
        main: is given the parsed flags.
        define_flags: defines the binary's flags; its module's docstring is what `--help` prints.
    """
    define_flags(flags.FLAGS)
    with clear_exit(f"tfzoo.{Path(sys.argv[0]).stem}"):
        app.run(lambda _: main(flags.FLAGS), flags_parser=_parse)


@contextlib.contextmanager
def clear_exit(program: str) -> Iterator[None]:
    """Ends the process with a message and a status that fit the error raised inside.

    A `TfzooError` is a user's mistake, or training that cannot go on: its message and status 1.
    Training that SIGTERM has stopped gives 75: the same command goes on with it. Ctrl-C gives 130,
    a reader of our output that has left 141. Any other error is a bug, and keeps its traceback.

    Args:
        program: the name that starts the message.

    Example:

    >>> with contextlib.redirect_stderr(sys.stdout), clear_exit("tfzoo.train"):
    ...     raise ConfigError("epochs is 0; it must be at least 1.")
    Traceback (most recent call last):
        ...
    SystemExit: tfzoo.train: epochs is 0; it must be at least 1.
    """
    try:
        yield
    except TrainingStoppedError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(_START_AGAIN)
    except TfzooError as error:
        sys.exit(f"{program}: {error}")
    except KeyboardInterrupt as error:
        print(f"\n{program}: {'; '.join(['interrupted', *error.args])}.", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Python flushes standard output once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_PIPE_CLOSED)


def require(values: flags.FlagValues, **examples: str) -> None:
    """Marks flags as required.

    Args:
        values: defines them.
        examples: name -> an example of a value, for the message.
    """
    for name, example in examples.items():
        flags.register_validator(
            name, bool, f"it is needed, such as --{name}={example} (--help tells more)", values
        )


def parse(values: flags.FlagValues, argv: list[str]) -> None:
    """Parses a command line.

    Args:
        values: the flags to fill in.
        argv: the program's name and its arguments.

    Raises:
        ConfigError: an argument is unknown, has no valid value, or is missing.
    """
    try:
        rest = values(argv)[1:]
    except flags.Error as error:
        message = "; ".join(str(error).splitlines())
        raise ConfigError(message if message.endswith((".", "?")) else f"{message}.") from None
    if rest:
        raise ConfigError(f"{rest[0]!r} is no flag; flags are written --name=value.")


def _parse(argv: list[str]) -> list[str]:
    parse(flags.FLAGS, argv)
    if flags.FLAGS["verbosity"].using_default_value:
        flags.FLAGS.verbosity = logging.WARNING  # absl would choose INFO
    return argv[:1]
