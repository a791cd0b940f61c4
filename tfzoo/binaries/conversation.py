"""Questions and answers on a terminal."""

import contextlib
from collections.abc import Callable, Iterable

from tfzoo.errors import DataError


def converse(answer: Callable[[str], Iterable[str]]) -> None:
    """Asks for lines, and prints an answer to each as it comes, until Ctrl-D.

    Ctrl-C ends an answer, or takes back a line that is being typed. What an answer raises of a line
    that cannot be used is printed in its place.

    Args:
        answer: from a line to the pieces of its answer.
    """
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (gives `input` its keys)
    while True:
        try:
            line = input("> ")
        except KeyboardInterrupt:
            print()
            continue
        except EOFError:
            print()
            return
        try:
            for piece in answer(line):
                print(piece, end="", flush=True)
        except KeyboardInterrupt:
            pass
        except DataError as error:
            print(error, end="")
        print()
