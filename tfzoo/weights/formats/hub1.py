"""TF1 hub modules, of which only the variables and the constants of the graph are read."""

from pathlib import Path

from tfzoo.errors import WeightsError
from tfzoo.weights.checkpoint import Checkpoint
from tfzoo.weights.saved_model import SavedModelGraph
from tfzoo.weights.source import Source


def open_folder(folder: Path) -> Source | None:
    """The module in a folder; None if there is none."""
    if not (folder / "saved_model.pb").is_file() or not (folder / "tfhub_module.pb").is_file():
        return None
    graph = SavedModelGraph(folder)
    lowercase = graph.output("tokenization_info", "do_lower_case")
    if not isinstance(lowercase, bool | None):
        raise WeightsError(
            f"do_lower_case in {graph.path} is {lowercase!r:.200}, not true or false; fetch the "
            "module again."
        )
    tensors = Checkpoint(folder / "variables" / "variables")
    return Source("hub1", folder, tensors, lowercase=lowercase, graph=graph)
