"""The training that is killed: `python -m tests.kills.worker RUN`, where RUN is a `Run` as JSON."""

import dataclasses
import json
import random
import sys
from pathlib import Path

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
MODELS = {
    "albert": "albert_pretraining",
    "bert": "huggingface_masked_lm",
    "distilbert": "distilbert_masked_lm",
    "electra": "electra_masked_lm",
    "roberta": "roberta_masked_lm",
}
TASKS = ("masked_lm", "classifier")
BATCH, STEPS_PER_EPOCH = 8, 10


@dataclasses.dataclass(frozen=True)
class Run:
    """What a worker does: it trains, and tells of each step.

    Args:
        folder: for checkpoints and, at the end, `result-RANK.json`.
        family: one of `MODELS`.
        task: one of `TASKS`.
        epochs: of 10 steps, the last one of which has 7 examples.
        dropout: its share.
        strategy: as of `tfzoo.training.get_strategy`.
        pause: seconds after each step, in which a killer may come.
    """

    folder: str
    family: str = "bert"
    task: str = "masked_lm"
    epochs: int = 8
    dropout: float = 0.1
    strategy: str = "one_device"
    pause: float = 0.0

    @property
    def steps(self) -> int:
        return self.epochs * STEPS_PER_EPOCH

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.kills.worker", json.dumps(dataclasses.asdict(self))]


def main(run: Run) -> None:
    """Prints "STEP LOSS" after each step, the loss as `float.hex` has it."""
    import keras
    import tensorflow as tf

    from tfzoo.training import get_strategy

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    strategy = get_strategy(run.strategy)
    with strategy.scope():
        model = make_model(run)
    Path(run.folder).mkdir(parents=True, exist_ok=True)
    result = train(run, model)
    resolver = strategy.cluster_resolver
    rank = resolver.task_id if run.strategy == "multi_worker" else 0
    Path(run.folder, f"result-{rank}.json").write_text(json.dumps(result))


def make_model(run: Run):
    import tfzoo
    from tfzoo.training import make_optimizer

    task = {"masked_lm": tfzoo.MaskedLM, "classifier": tfzoo.Classifier}[run.task]
    folder = ARTIFACTS / MODELS[run.family] / "model"
    model = task.from_preset(str(folder), dropout=run.dropout, sequence_length=16)
    model.compile(make_optimizer("adamw", 1e-3, average=0.9))
    return model


def train(run: Run, model) -> dict:
    """Trains, evaluates, predicts; what is to be the same however often it was killed."""
    import time

    import keras

    from tfzoo.training import Checkpoints

    class Told(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
            print(step, self.model.step_loss.hex(), flush=True)
            time.sleep(run.pause)

    x, y = texts(BATCH * STEPS_PER_EPOCH - 1, seed=0)
    others = texts(21, seed=1)
    labelled = run.task == "classifier"
    stopping = keras.callbacks.EarlyStopping(patience=99, restore_best_weights=False)
    history = model.fit(
        x,
        y if labelled else None,
        batch_size=BATCH,
        epochs=run.epochs,
        validation_data=others if labelled else others[0],
        callbacks=[Told(), stopping],
        checkpoints=Checkpoints(Path(run.folder, "checkpoints"), every_steps=2),
        verbose=0,
    )
    return {
        "history": history.history,
        "best": float(stopping.best),
        "weights": [[value.hex() for value in v.numpy().ravel().tolist()] for v in model.weights],
        "evaluated": model.evaluate(*(others if labelled else others[:1]), verbose=0),
        "predicted": model.predict(others[0], verbose=0).tolist() if labelled else [],
    }


def texts(count: int, seed: int) -> tuple[list[str], list[int]]:
    """Words of letters, and whether there is an "a" among them."""
    rng = random.Random(seed)
    made = [" ".join(rng.choices("abcdefghij", k=rng.randint(2, 12))) for _ in range(count)]
    return made, [("a" in text and 1) or 0 for text in made]


if __name__ == "__main__":
    from tfzoo.binaries.run import clear_exit

    with clear_exit("worker"):
        main(Run(**json.loads(sys.argv[1])))
