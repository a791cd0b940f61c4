"""Causal language models, which learn from texts alone, and go on with them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from tfzoo.binaries.kinds.language import Language
from tfzoo.data import Examples
from tfzoo.data.prepared.recipe import CAUSAL
from tfzoo.tasks import CausalLM


class CausalLanguage(Language):
    """Texts without labels, or rows made of them; those to be answered are prompts."""

    columns: ClassVar = {"text": "text", "delimiter": None}

    def formats(self, model: CausalLM) -> Sequence[str]:
        return (CAUSAL,)

    def answers(self, model: CausalLM, examples: Examples) -> list[dict[str, Any]]:
        rows = zip(examples.text, model.generate(examples.text), strict=True)
        return [{"prompt": prompt, "text": text} for prompt, text in rows]
