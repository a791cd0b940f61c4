"""Masked language models, which learn from texts alone."""

from collections.abc import Sequence
from typing import Any, ClassVar

from tfzoo.binaries.kinds.language import Language
from tfzoo.data import Examples
from tfzoo.data.prepared.recipe import FULL_SENTENCES, TEXTS
from tfzoo.tasks import MaskedLM


class MaskedLanguage(Language):
    """Texts without labels, or rows made of them; those to be answered have masks."""

    columns: ClassVar = {"text": "text", "weight": None, "delimiter": None}

    def formats(self, model: MaskedLM) -> Sequence[str]:
        return (FULL_SENTENCES, *TEXTS)

    def answers(self, model: MaskedLM, examples: Examples) -> list[dict[str, Any]]:
        rows = zip(examples.text, model.fill_mask(examples.text), strict=True)
        return [{"text": text, "masks": masks} for text, masks in rows]
