"""Has TensorFlow's Model Garden write tiny models in the formats that it published BERT in.

Three of its versions are needed, for the generations differ in their names. None of them is among
tfzoo's requirements, so they get an environment of their own:

    python3.11 -m venv garden && . garden/bin/activate
    pip install tensorflow==2.20.0 tf_keras==2.20.1 tensorflow-text==2.20.0 tensorflow_hub \
        gin-config immutabledict pandas psutil py-cpuinfo pyyaml sacrebleu scikit-learn scipy \
        sentencepiece seqeval six tensorflow-datasets tensorflow-model-optimization tf_slim
    export TF_USE_LEGACY_KERAS=1
    for version in 0.0.3.dev1 2.2.0 2.20.0; do
        pip install --no-deps tf-models-official==$version
        python tests/artifacts/make_model_garden.py
    done

Each run writes the artifacts of the version that is installed: a folder with the model, and beside
it `expected.npz`, the inputs and what the original code computes for them in float32.
"""

import importlib.metadata
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

FOLDER = Path(__file__).parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, *"abcdefghijklmnopqrst", *(f"##{letter}" for letter in "abcdefghijklmno")]
# Sizes that differ, so that no axis can be mistaken for another.
CONFIG = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 36,
    "max_position_embeddings": 24,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "initializer_range": 0.02,
}
ALBERT_CONFIG = {**CONFIG, "embedding_size": 12}


def features() -> dict[str, np.ndarray]:
    """Three rows: full, padded, and one with a hole in its mask and words behind its end."""
    generator = np.random.default_rng(1)
    mask = np.ones((3, 16), np.int32)
    mask[1, 9:] = mask[2, 4] = mask[2, 12:] = 0
    ids = generator.integers(len(SPECIAL), len(VOCABULARY), mask.shape, np.int32)
    ids[1] *= mask[1]
    return {
        "input_word_ids": ids,
        "input_mask": mask,
        "input_type_ids": (np.arange(16) >= np.array([[7], [16], [3]])).astype(np.int32),
        "masked_lm_positions": np.array([[1, 5, 11], [2, 8, 0], [0, 9, 13]], np.int32),
    }


def randomize(variables: Iterable) -> None:
    """Gives variables random values, the same ones each time."""
    from google_checkpoint import random_value

    generator = np.random.default_rng(0)
    for variable in variables:
        variable.assign(random_value(variable.name, variable.shape, generator))


def fresh(name: str) -> Path:
    """An empty folder for an artifact."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def save_expected(folder: Path, outputs: Mapping) -> None:
    """Writes the inputs and the outputs; a list of outputs becomes one array of all layers."""
    arrays = {name: np.stack(value) if isinstance(value, list) else np.asarray(value)
              for name, value in outputs.items()}  # fmt: skip
    np.savez_compressed(folder / "expected.npz", **features(), **arrays)


def vocabulary(folder: Path) -> str:
    """A vocabulary file, whose path tells the exporters that the model lower-cases."""
    path = folder / "uncased" / "vocab.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(VOCABULARY) + "\n")
    return str(path)


def sentencepiece(folder: Path) -> str:
    """A SentencePiece model of as many pieces as the vocabulary has."""
    from sentencepiece import SentencePieceTrainer

    texts = ["a film that is good", "the play was not bad at all", "we saw it and liked it"]
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=written,
        vocab_size=len(VOCABULARY),
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols="[CLS],[SEP],[MASK]",
        minloglevel=2,
    )
    path = folder / "30k-clean.model"
    path.write_bytes(written.getvalue())
    return str(path)


def pack(saved_model: Path, archive: Path) -> None:
    """Packs a SavedModel like the downloads of TF-Hub, without Keras' copy of its program."""

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return None if member.name == "./keras_metadata.pb" else member

    with tarfile.open(archive, "w:gz") as file:
        file.add(saved_model, ".", filter=anonymous)


def call_list(model, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Calls a model that has the interface of TF-Hub's versions 1 and 2."""
    names = ("input_word_ids", "input_mask", "input_type_ids")
    pooled, sequence = model([inputs[name] for name in names], training=False)
    return {"pooled_output": pooled, "sequence_output": sequence}


def export_list(name: str, export_tfhub: ModuleType, config, model, encoder) -> None:
    """Exports a model through the list interface, by way of a checkpoint as the exporter asks."""
    import tensorflow as tf

    folder = fresh(name)
    randomize(model.variables)
    outputs = call_list(model, features())
    tf.keras.backend.clear_session()  # or the exporter's model gets names with numbers
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = tf.train.Checkpoint(model=encoder).save(f"{scratch}/checkpoint")
        saved = f"{scratch}/model"
        export_tfhub.export_bert_tfhub(config, checkpoint, saved, vocabulary(Path(scratch)))
        pack(Path(saved), folder / "model.tar.gz")
        loaded = call_list(tf.saved_model.load(saved), features())
    for key, value in outputs.items():
        np.testing.assert_allclose(loaded[key], value, atol=1e-5)
    save_expected(folder, outputs)


def make_2019() -> None:
    """The code of October 2019, from which version 1 of `bert_en_*` on TF-Hub comes.

    Its attention kernels have two axes or, as in what was published, one for the heads.
    """
    from official.nlp.bert import export_tfhub
    from official.nlp.bert_modeling import BertConfig

    for name, flat in (("hub_bert_2019_flat", True), ("hub_bert_2019", False)):
        config = BertConfig(**CONFIG, backward_compatible=flat)
        model = export_tfhub.create_bert_model(config)
        export_list(name, export_tfhub, config, model, encoder=model)


def make_2020() -> None:
    """The code of June 2020, from which version 2 comes.

    It derives from a private class that TensorFlow has since merged into `tf.keras.Model`.
    """
    import tensorflow as tf
    from tensorflow.python.keras import engine

    engine.network = ModuleType("tensorflow.python.keras.engine.network")
    engine.network.Network = tf.keras.Model
    sys.modules[engine.network.__name__] = engine.network
    from official.nlp.bert import export_tfhub
    from official.nlp.bert.configs import BertConfig

    config = BertConfig(**CONFIG)
    model, encoder = export_tfhub.create_bert_model(config)
    export_list("hub_bert_2020", export_tfhub, config, model, encoder)


def run(module: str, **flags: object) -> None:
    """Runs a program of the Model Garden."""
    arguments = [f"--{name}={value}" for name, value in flags.items()]
    subprocess.run([sys.executable, "-m", f"official.nlp.tools.{module}", *arguments], check=True)


def convert_and_export(family: str, config: Mapping, encoder_config) -> None:
    """An encoder's checkpoint and a SavedModel with the masked LM, of the same weights."""
    import tensorflow as tf
    from google_checkpoint import save_random
    from official.nlp.configs.encoders import build_encoder

    albert = family == "albert"
    encoder_folder, hub_folder = fresh(f"garden_{family}_encoder"), fresh(f"hub_{family}_mlm")
    model = encoder_folder / "model"
    model.mkdir()
    (model / f"{family}_config.json").write_text(json.dumps(config, indent=2) + "\n")
    with tempfile.TemporaryDirectory() as scratch:
        save_random(f"{scratch}/google", config)
        pretrainer = Path(scratch, "pretrainer")
        pretrainer.mkdir()
        for kind, output in (("encoder", model), ("pretrainer", pretrainer)):
            run(
                f"tf2_{family}_encoder_checkpoint_converter",
                checkpoint_to_convert=f"{scratch}/google",
                converted_checkpoint_path=output / "bert_model.ckpt",
                checkpoint_model_name="model",
                converted_model=kind,
                **{f"{family}_config_file": model / f"{family}_config.json"},
            )
        text = sentencepiece(Path(scratch)) if albert else vocabulary(Path(scratch))
        shutil.copy(text, model)
        encoder_yaml = Path(scratch, "encoder.yaml")
        encoder_yaml.write_text(yaml_of(encoder_config))
        run(
            "export_tfhub",
            export_type="model_with_mlm",
            encoder_config_file=encoder_yaml,
            model_checkpoint_path=pretrainer / "bert_model.ckpt-1",
            export_path=f"{scratch}/hub",
            **{"sp_model_file" if albert else "vocab_file": text},
        )
        pack(Path(scratch, "hub"), hub_folder / "model.tar.gz")
        inputs = {name: tf.constant(value) for name, value in features().items()}
        hub_outputs = tf.saved_model.load(f"{scratch}/hub").mlm(inputs)

    encoder = build_encoder(encoder_config)
    checkpoint = tf.train.Checkpoint(model=encoder)
    checkpoint.restore(str(model / "bert_model.ckpt-1")).assert_existing_objects_matched()
    del inputs["masked_lm_positions"]
    outputs = encoder(inputs, training=False)
    for name, value in outputs.items():
        np.testing.assert_allclose(hub_outputs[name], value, atol=1e-5)
    save_expected(encoder_folder, outputs)
    save_expected(hub_folder, hub_outputs)


def yaml_of(encoder_config) -> str:
    """A configuration as the exporter reads it; JSON is YAML."""
    return json.dumps(
        {"type": encoder_config.type, encoder_config.type: encoder_config.get().as_dict()}
    )


def train(name: str, encoder_config) -> None:
    """A folder of the trainer: its parameters and the checkpoint after one step of pre-training."""
    import tensorflow as tf
    from official.core import exp_factory, train_utils
    from official.nlp.configs import bert, pretraining_experiments  # noqa: F401 (registers it)
    from official.nlp.tasks.masked_lm import MaskedLMTask

    folder = fresh(name)
    tf.keras.utils.set_random_seed(0)
    params = exp_factory.get_exp_config("bert/pretraining")
    params.task.model.encoder = encoder_config
    params.task.model.cls_heads = [
        bert.ClsHeadConfig(
            inner_dim=CONFIG["hidden_size"], num_classes=2, dropout_rate=0.1, name="next_sentence"
        )
    ]
    params.task.train_data.override(
        {"input_path": "dummy", "seq_length": 16, "max_predictions_per_seq": 4}
    )
    params.trainer.optimizer_config.learning_rate.polynomial.decay_steps = 100
    params.trainer.optimizer_config.warmup.polynomial.warmup_steps = 10
    task = MaskedLMTask(params.task)
    trainer = train_utils.create_trainer(params, task, train=True, evaluate=False)
    inputs = {name: tf.constant(value) for name, value in features().items()}
    trainer.model(inputs)
    randomize(trainer.model.variables)
    trainer.train(tf.constant(1))
    train_utils.serialize_config(params, str(folder / "model"))
    tf.train.CheckpointManager(
        trainer.checkpoint, str(folder / "model"), max_to_keep=1, step_counter=trainer.global_step
    ).save()
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(vocabulary(Path(scratch)), folder / "model")
    save_expected(folder, trainer.model(inputs, training=False))


def make_2025() -> None:
    """The newest code: both interfaces of TF-Hub, and the checkpoints."""
    from official.legacy.bert import export_tfhub
    from official.legacy.bert.configs import BertConfig
    from official.nlp.configs.encoders import AlbertEncoderConfig, BertEncoderConfig, EncoderConfig

    config = BertConfig(**CONFIG)
    model, encoder = export_tfhub.create_bert_model(config)
    export_list("hub_bert_list", export_tfhub, config, model, encoder)

    sizes = {
        "vocab_size": CONFIG["vocab_size"],
        "hidden_size": CONFIG["hidden_size"],
        "num_layers": CONFIG["num_hidden_layers"],
        "num_attention_heads": CONFIG["num_attention_heads"],
        "intermediate_size": CONFIG["intermediate_size"],
        "max_position_embeddings": CONFIG["max_position_embeddings"],
    }
    bert = BertEncoderConfig(**sizes)
    albert = AlbertEncoderConfig(**sizes, embedding_width=ALBERT_CONFIG["embedding_size"])
    convert_and_export("bert", CONFIG, EncoderConfig(type="bert", bert=bert))
    convert_and_export("albert", ALBERT_CONFIG, EncoderConfig(type="albert", albert=albert))
    train("garden_bert_pretrainer", EncoderConfig(type="bert", bert=bert))
    train("garden_bert_v2_pretrainer", EncoderConfig(type="bert_v2", bert_v2=bert))


MAKERS = {"0.0.3.dev1": make_2019, "2.2.0": make_2020, "2.20.0": make_2025}

if __name__ == "__main__":
    MAKERS[importlib.metadata.version("tf-models-official")]()
