"""A family's configuration in the JSON of other formats: a table that reads and writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tfzoo.errors import ConfigError, WeightsError
from tfzoo.weights.arguments import is_number, is_plausible
from tfzoo.weights.source import Source


@dataclass(frozen=True)
class Option:
    """A setting that their configuration may leave out.

    Args:
        ours: the argument of our backbone.
        theirs: their name of it.
        default: what it is where theirs leaves it out; also tells its type.
        values: their value -> ours, where only these are known; writing takes the first that fits.
    """

    ours: str
    theirs: str
    default: str | float | bool
    values: Mapping[str, str] = field(default_factory=dict)

    def read(self, config: Mapping[str, Any]) -> Any:
        """Our value; ValueError where theirs has another type or is not known."""
        value = config.get(self.theirs, self.default)
        if not _is_like(value, self.default) or not is_plausible(self.ours, value):
            raise ValueError(value)
        if self.values and value not in self.values:
            raise ValueError(value)
        return self.values[value] if self.values else value

    def write(self, value: Any) -> Any:
        """Their value; ValueError where they have none."""
        if not self.values:
            return value
        for theirs, ours in self.values.items():
            if ours == value:
                return theirs
        raise ValueError(value)


@dataclass(frozen=True)
class Settings:
    """The constructor arguments of a backbone and their counterparts.

    Args:
        sizes: ours -> theirs, positive integers that theirs must state.
        options: what theirs may leave out.
        required: theirs -> the only value that our backbone knows; it may be left out.
        implied: ours -> the only value that their format knows, which it does not state.
    """

    sizes: Mapping[str, str]
    options: tuple[Option, ...] = ()
    required: Mapping[str, Any] = field(default_factory=dict)
    implied: Mapping[str, Any] = field(default_factory=dict)

    def read(self, source: Source) -> dict[str, Any]:
        """The arguments of our backbone.

        Raises:
            WeightsError: a setting is missing, has another type, or is not known to tfzoo.
        """
        config = source.config
        for theirs, value in self.required.items():
            if config.get(theirs, value) != value:
                raise WeightsError(
                    f"{theirs} in the configuration of {source.folder} is "
                    f"{config[theirs]!r:.200}, and tfzoo knows only {value!r}; choose other "
                    "weights."
                )
        arguments = dict(self.implied)
        for ours, theirs in self.sizes.items():
            size = config.get(theirs)
            if type(size) is not int or not is_plausible(ours, size):
                raise _unusable(source, theirs, size)
            arguments[ours] = size
        for option in self.options:
            try:
                arguments[option.ours] = option.read(config)
            except ValueError:
                raise _unusable(source, option.theirs, config[option.theirs]) from None
        return arguments

    def write(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Their configuration.

        Args:
            arguments: a backbone's `get_config()`.

        Raises:
            ConfigError: their format cannot say what one of them says.
        """
        for ours, value in self.implied.items():
            if arguments[ours] != value:
                raise unsayable(ours, arguments[ours])
        written = {theirs: arguments[ours] for ours, theirs in self.sizes.items()}
        for option in self.options:
            try:
                written[option.theirs] = option.write(arguments[option.ours])
            except ValueError:
                raise unsayable(option.ours, arguments[option.ours]) from None
        return {**self.required, **written}


def _is_like(value: object, example: str | float | bool) -> bool:
    if isinstance(example, str | bool):
        return isinstance(value, type(example))
    return is_number(value)


def _unusable(source: Source, name: str, value: object) -> WeightsError:
    return WeightsError(
        f"{name} in the configuration of {source.folder} is {value!r:.200}, which makes no sense "
        "to tfzoo; restore the file, or choose other weights."
    )


def unsayable(name: str, value: object) -> ConfigError:
    """What is raised where a format has no words for an argument of a backbone."""
    return ConfigError(
        f"The format cannot say that a model has {name}={value!r}, so whoever reads it would have "
        "another model; choose another format."
    )
