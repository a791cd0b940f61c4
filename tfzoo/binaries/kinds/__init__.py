"""What the programs know of each kind of task, a file per kind."""

from tfzoo.binaries.kinds.causal_lm import CausalLanguage
from tfzoo.binaries.kinds.choices import Choices
from tfzoo.binaries.kinds.classification import Classification
from tfzoo.binaries.kinds.embedding import Embedding
from tfzoo.binaries.kinds.kind import Kind
from tfzoo.binaries.kinds.masked_lm import MaskedLanguage
from tfzoo.binaries.kinds.pretraining import Pretraining
from tfzoo.binaries.kinds.questions import Questions
from tfzoo.binaries.kinds.words import Words
from tfzoo.tasks import Task

KINDS: dict[str, Kind] = {
    "CausalLM": CausalLanguage(),
    "Classifier": Classification(),
    "Embedder": Embedding(),
    "MaskedLM": MaskedLanguage(),
    "MultipleChoice": Choices(),
    "Pretrainer": Pretraining(),
    "QuestionAnswerer": Questions(),
    "TokenClassifier": Words(),
}


def kind_of(task: Task | type[Task]) -> Kind:
    """The kind of a task, or of a class of tasks.

    Example:

    >>> from tfzoo import BertTokenClassifier
    >>> kind_of(BertTokenClassifier).columns
    {'text': 'tokens', 'label': 'ner_tags'}
    """
    return KINDS[task.kind]


__all__ = ["KINDS", "Kind", "kind_of"]
