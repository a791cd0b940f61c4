"""How long BERT-base takes to load, and how much memory, against the least that it could take.

  python benchmarks/loading.py

Random weights are written once, 440 MB of safetensors. Each line of the table is the median of
several new processes, which take turns: one reads the file into memory, one builds the model, one
loads it. Memory is the peak of the process above what it had after importing tfzoo. The aim is that
loading takes at most 1.5 times as long as reading and building together, and peaks at no more than
1.3 times the size of the file above the model itself.

Measured on 2 cores of an AMD EPYC:

| part | seconds | peak memory, MB |
|---|---|---|
| read | 0.19 | 428 |
| build | 1.44 | 489 |
| load | 1.14 | 750 |

load / (read + build), in the same round: 0.70
peak above the model itself, in sizes of the file: 0.71
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
PARTS = ("read", "build", "load")


def write_weights(folder: str) -> None:
    """BERT-base as Hugging Face writes it, with random weights."""
    from tfzoo import BertBackbone

    model = BertBackbone.from_preset("bert_base_en_uncased", load_weights=False)
    model.save_to_preset(folder, format="huggingface")


def measure(part: str, folder: str) -> dict[str, float]:
    """Seconds and peak megabytes of one part, in this process."""
    from tfzoo import BertBackbone

    file = Path(folder, "model.safetensors")
    before = _peak_megabytes()
    start = time.perf_counter()
    if part == "read":
        kept = file.read_bytes()
    elif part == "build":
        kept = BertBackbone.from_preset("bert_base_en_uncased", load_weights=False)
    else:
        kept = BertBackbone.from_preset(folder)
    seconds = time.perf_counter() - start
    del kept
    return {"seconds": seconds, "megabytes": _peak_megabytes() - before}


def _peak_megabytes() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(*sys.argv[1:])))
        return
    with tempfile.TemporaryDirectory() as parent:
        folder = str(Path(parent, "bert"))
        write_weights(folder)
        size = Path(folder, "model.safetensors").stat().st_size / 1e6
        rounds = [{part: _in_new_process(part, folder) for part in PARTS} for _ in range(ROUNDS)]
    print(f"BERT-base, {size:.0f} MB of safetensors, medians of {ROUNDS} processes\n")
    print("| part | seconds | peak memory, MB |\n|---|---|---|")
    median = {
        part: {
            what: statistics.median(each[part][what] for each in rounds)
            for what in ("seconds", "megabytes")
        }
        for part in PARTS
    }
    for part, values in median.items():
        print(f"| {part} | {values['seconds']:.2f} | {values['megabytes']:.0f} |")
    least = [each["read"]["seconds"] + each["build"]["seconds"] for each in rounds]
    ratios = [each["load"]["seconds"] / sum_ for each, sum_ in zip(rounds, least, strict=True)]
    above = (median["load"]["megabytes"] - size) / size
    print(f"\nload / (read + build), in the same round: {statistics.median(ratios):.2f}")
    print(f"peak above the model itself, in sizes of the file: {above:.2f}")


def _in_new_process(part: str, folder: str) -> dict[str, float]:
    command = [sys.executable, __file__, part, folder]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


if __name__ == "__main__":
    main()
