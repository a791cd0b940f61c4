"""Pre-trainers, which learn from rows that `tfzoo.prepare` wrote."""

from collections.abc import Sequence
from typing import Any, ClassVar

from tfzoo.binaries.kinds.masked_lm import MaskedLanguage
from tfzoo.binaries.kinds.prepared_rows import PreparedRows
from tfzoo.data import Examples
from tfzoo.data.prepared.recipe import PAIRS
from tfzoo.errors import ConfigError
from tfzoo.tasks import ElectraPretrainer, MaskedLM


class Pretraining(MaskedLanguage):
    """Rows, whose labels are hidden tokens, and for most tasks how two texts follow each other."""

    columns: ClassVar = {}
    exports = False  # what is made of one later is what is served

    def read(self, source: str) -> PreparedRows:
        return PreparedRows.read(source)

    def formats(self, model: MaskedLM | ElectraPretrainer) -> Sequence[str]:
        return PAIRS if model.takes_labels else super().formats(model)

    def answers(
        self, model: MaskedLM | ElectraPretrainer, examples: Examples
    ) -> list[dict[str, Any]]:
        if isinstance(model, ElectraPretrainer):
            raise ConfigError(
                "An ElectraPretrainer answers nothing; its generator, saved as a preset, does."
            )
        return super().answers(model, examples)
