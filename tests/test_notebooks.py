"""The notebooks run from top to bottom on a CPU, on a tiny preset and made-up texts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfzoo import BertMaskedLM

NOTEBOOKS = sorted(Path(__file__).parents[1].joinpath("colab").glob("*.ipynb"))
# Runs the cells as a notebook does, one after the other, and shows what they have come to.
PROGRAM = """
import json, sys

cells, names = json.load(open(sys.argv[1], encoding="utf-8"))["cells"], {"__name__": "__main__"}
for number, cell in enumerate(cells):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
answers = names["model"].classify(names["texts"])
direct = [list(answer["probabilities"].values()) for answer in answers]
results = {"confusion": names["confusion"], "served": names["probabilities"]}
results = {name: array.tolist() for name, array in results.items()}
losses = names["history"].history["loss"]
print(json.dumps({**results, "losses": losses, "direct": direct, "tests": len(names["test"])}))
"""


@pytest.fixture(scope="module")
def settings(tiny_bert, preprocessor, tmp_path_factory):
    """The environment of a small run."""
    folder = tmp_path_factory.mktemp("small")
    backbone = tiny_bert(num_layers=1, max_sequence_length=128)
    BertMaskedLM(backbone, preprocessor).save_to_preset(folder / "preset")
    lines = [
        f"{label}\tthe film was {word} {'very ' * (i % 9)}{'!' * (i // 9)}"
        for i in range(90)
        for label, word in (("ham", "good"), ("spam", "bad"))
    ]
    (folder / "spam.csv").write_text("\n".join(lines), encoding="utf-8")
    return {
        **os.environ,
        "TFZOO_SMALL": "1",
        "TFZOO_PRESET": str(folder / "preset"),
        "TFZOO_DATA": str(folder / "spam.csv"),
    }


def code_cells(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stripped(path):
    cells = code_cells(path)
    assert cells
    assert not [cell for cell in cells if cell["outputs"] or cell["execution_count"]]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_runs_from_top_to_bottom(path, settings, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, path],
        env=settings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout.splitlines()[-1])
    assert results["losses"][0] > 0
    assert results["tests"] == sum(map(sum, results["confusion"])) > 4
    for served, direct in zip(results["served"], results["direct"], strict=True):
        assert served == pytest.approx(direct, abs=0.01)  # which may be of bfloat16
    assert (tmp_path / "spam" / "model.safetensors").exists()
