"""The errors that tfzoo raises for a user's mistake: one sentence with the cause and the cure."""


class TfzooError(Exception):
    """Base of every error that tfzoo raises on purpose.

    The binaries print its message without a traceback and exit with status 1.
    """


class HandleError(TfzooError, ValueError):
    """A handle names nothing that can be found, reached or unpacked."""


class WeightsError(TfzooError, ValueError):
    """A weights file is damaged, or does not fit the model it is loaded into."""


class DataError(TfzooError, ValueError):
    """Training, evaluation or prediction data cannot be used as given."""


class ConfigError(TfzooError, ValueError):
    """An argument, a flag or a configuration field has no valid value."""


class TrainingError(TfzooError, RuntimeError):
    """Training cannot go on: its loss is no number, or a peer is gone."""


class TrainingStoppedError(TfzooError, RuntimeError):
    """Training was asked to stop by SIGTERM, and its state is saved; the same call goes on."""
