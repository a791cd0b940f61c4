"""A classifier made smaller: distilled, int8 and LoRA beside what they are made of.

    python benchmarks/distillation.py

fine-tunes MiniLM as configs/bert_sms_spam.py does, distils it as configs/distil_sms_spam.py does,
both in float32, and prints one table. The student without a teacher starts from the same layers of
MiniLM and is trained as long. Scores are those of the test split, means over the seeds; speeds are
medians of rounds in which all models predict the same 2,048 texts in turn. Half an hour on two
cores; --teacher=runs/spam/best saves the teacher's training.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
from absl import app, flags
from ml_collections import ConfigDict

from tfzoo.binaries.config import load_config
from tfzoo.binaries.experiment import train
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.splits import read_splits
from tfzoo.data import Examples
from tfzoo.tasks import BertClassifier
from tfzoo.training import Distiller, fine_tuning_optimizer, shrink

_TEACHER = flags.DEFINE_string("teacher", None, "A trained preset in place of one made here.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "How many models of each kind are trained.")
_ROUNDS = flags.DEFINE_integer("rounds", 7, "How often each model predicts.")

CONFIGS = Path(__file__).parents[1] / "configs"
LORA_RANK, LORA_RATE = 8, 5e-4
TEXTS = 2048
COLUMNS = (
    "parameters",
    "trained",
    "MB",
    "predict, times the teacher's speed",
    "accuracy",
    "F1 of spam",
    "of the teacher's",
    "F1 by seed",
)


def main(argv: list[str]) -> None:
    del argv
    config = load_config(str(CONFIGS / "bert_sms_spam.py"))
    config.precision = "float32"
    splits = read_splits(KINDS["Classifier"], config.data)
    with tempfile.TemporaryDirectory() as folder:
        if _TEACHER.value is None:
            train(config, folder)
        teacher = BertClassifier.from_preset(_TEACHER.value or f"{folder}/best", dtype="float32")
    models, scores = {"teacher": teacher}, {"teacher": [score(teacher, splits["test"])]}
    for name, make in makers(config, teacher, splits["train"]).items():
        for seed in range(_SEEDS.value):
            keras.utils.set_random_seed(seed)
            models[name] = make()
            scores.setdefault(name, []).append(score(models[name], splits["test"]))
            print(name, seed, scores[name][-1], flush=True)
    for name in ("teacher", "distilled"):
        smaller = shrink(models[name], models[name].backbone.encoder.num_layers)
        smaller.quantize("int8")
        models[f"{name}, int8"] = smaller
        scores[f"{name}, int8"] = [score(smaller, splits["test"])]
    speeds = ratios(models, splits["train"].text[:TEXTS])
    print("| |", " | ".join(COLUMNS), "|")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for name, model in models.items():
        cells = row(model, speeds[name], scores[name], scores["teacher"])
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


def makers(
    config: ConfigDict, teacher: BertClassifier, train: Examples
) -> dict[str, Callable[[], BertClassifier]]:
    """What makes a trained model of each kind."""
    small = load_config(str(CONFIGS / "distil_sms_spam.py"))
    num_layers = small.distil.num_layers

    def pretrained() -> BertClassifier:
        return BertClassifier.from_preset(config.preset, dtype="float32", **config.model)

    def fitted(learner: keras.Model, settings: ConfigDict, rate: float) -> keras.Model:
        learner.compile(
            fine_tuning_optimizer(rate, settings.warmup, settings.weight_decay, settings.clip_norm)
        )
        learner.fit(
            train.text,
            train.label,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            verbose=0,
        )
        return learner

    def distilled() -> BertClassifier:
        student = shrink(teacher, num_layers)
        settings = {**small.distil}
        del settings["num_layers"]
        distiller = Distiller(teacher, student, **settings)
        return fitted(distiller, small.train, small.train.learning_rate).student

    def without_teacher() -> BertClassifier:
        return fitted(shrink(pretrained(), num_layers), small.train, small.train.learning_rate)

    def with_lora() -> BertClassifier:
        model = pretrained()
        model.backbone.enable_lora(rank=LORA_RANK)
        return fitted(model, config.train, LORA_RATE)

    return {
        "distilled": distilled,
        "as small, without a teacher": without_teacher,
        "LoRA": with_lora,
    }


def score(model: BertClassifier, test: Examples) -> tuple[float, float]:
    """Accuracy, and F1 of spam."""
    found = KINDS["Classifier"].score(model, test, batch_size=32)
    return found["accuracy"], found["f1"]["spam"]


def ratios(models: dict[str, BertClassifier], texts: list[str]) -> dict[str, float]:
    """How many times as fast as the teacher each model predicts, the median over rounds."""
    times = {name: [] for name in models}
    for model in models.values():
        model.predict(texts, verbose=0)
    for _ in range(_ROUNDS.value):
        for name, model in models.items():
            start = time.perf_counter()
            model.predict(texts, verbose=0)
            times[name].append(time.perf_counter() - start)
    print(f"teacher: {len(texts) / statistics.median(times['teacher']):.0f} texts/s")
    return {
        name: statistics.median(
            theirs / mine for theirs, mine in zip(times["teacher"], times[name], strict=True)
        )
        for name in models
    }


def row(
    model: BertClassifier,
    speed: float,
    scores: list[tuple[float, float]],
    teacher_scores: list[tuple[float, float]],
) -> tuple[str, ...]:
    """The cells of a model's row."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_to_preset(f"{folder}/preset")
        size = sum(file.stat().st_size for file in Path(folder, "preset").iterdir())
    accuracy, f1 = (statistics.mean(column) for column in zip(*scores, strict=True))
    trained = sum(int(keras.ops.size(variable)) for variable in model.trainable_variables)
    return (
        f"{model.count_params():,}",
        "none" if model.backbone.quantization else f"{trained:,}",
        f"{size / 1e6:.1f}",
        f"{speed:.2f}",
        f"{accuracy:.4f}",
        f"{f1:.4f}",
        f"{f1 / teacher_scores[0][1]:.1%}",
        ", ".join(f"{each:.4f}" for _, each in scores),
    )


if __name__ == "__main__":
    app.run(main)
