"""The rules of the house: who imports whom, what is registered, and how `import tfzoo` behaves."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import tfzoo

HOUSE = Path(tfzoo.__file__).parent
FILES = sorted(HOUSE.rglob("*.py"))
# What a room may import of the house, at the top of a file or inside a function, besides itself.
EVERYWHERE = {"errors", "folders", "signatures"}
ROOMS = {
    "layers": set(),
    "generation": {"layers"},
    "models": {"generation", "layers", "weights"},
    "tokenizers": set(),
    "data": {"tokenizers", "weights"},
    "weights": set(),
    "hub": {"weights"},
    "training": {"layers"},
    "serving": set(),
    "tasks": {"generation", "layers", "models", "tokenizers"},
}
# `fit(texts)`, `from_preset` and `export` meet in one file; task by task, labels become targets.
EXCEPTIONS = {
    "tasks/task.py": {"data", "serving", "training"},
    "tasks/preset_task.py": {"weights"},
    "tasks/causal_lm.py": {"data", "serving"},
    "tasks/classes.py": {"weights"},
    "tasks/classifier.py": {"data"},
    "tasks/electra_pretrainer.py": {"data", "weights"},
    "tasks/embedder.py": {"data", "training", "weights"},
    "tasks/fine_tuned_gpt.py": {"training"},
    "tasks/masked_lm.py": {"data", "serving"},
    "tasks/multiple_choice.py": {"data", "serving", "training"},
    "tasks/pretrainer.py": {"data"},
    "tasks/prompts.py": {"data"},
    "tasks/question_answerer.py": {"data", "serving", "training"},
    "tasks/scoring.py": {"data"},
    "tasks/token_classifier.py": {"data", "serving", "training"},
    "tasks/trained_task.py": {"training"},
    "serving/choices.py": {"tokenizers"},
    "serving/masks.py": {"tokenizers"},
    "serving/texts.py": {"generation"},
    "serving/words.py": {"tokenizers"},
    "training/distiller.py": {"data", "layers", "tasks"},
    "training/pairing.py": {"tasks"},
    "training/shrink.py": {"tasks"},
    "training/teacher_outputs.py": {"data", "tasks", "tokenizers"},
}
PURE = {"layers", "generation", "models", "tasks"}  # run under other backends than TensorFlow too
HEAVY = {
    "huggingface_hub",
    "kagglehub",
    "keras_hub",
    "keras_nlp",
    "requests",
    "tensorflow_datasets",
    "tensorflow_hub",
    "tensorflow_text",
}


def name_of(path):
    return path.relative_to(HOUSE).as_posix()


def imports(path, anywhere=True):
    """The modules that a file imports, as dotted names; `anywhere` includes those in functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if anywhere else tree.body
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def in_rooms():
    return [path for path in FILES if path.relative_to(HOUSE).parts[0] in ROOMS]


@pytest.mark.parametrize("path", in_rooms(), ids=name_of)
def test_rooms_import_what_stands_to_their_left(path):
    room = path.relative_to(HOUSE).parts[0]
    allowed = {room} | ROOMS[room] | EVERYWHERE | EXCEPTIONS.get(name_of(path), set())
    used = {name.split(".")[1] for name in imports(path) if name.startswith("tfzoo.")}
    assert used <= allowed


@pytest.mark.parametrize(
    "path", [p for p in in_rooms() if p.relative_to(HOUSE).parts[0] in PURE], ids=name_of
)
def test_pure_rooms_leave_tensorflow_to_one_file(path):
    used = {name.split(".")[0] for name in imports(path)}
    backends = used & {"tensorflow", "jax", "torch"}
    assert backends == ({"tensorflow", "jax"} if name_of(path) == "layers/backend.py" else set())


@pytest.mark.parametrize("path", in_rooms(), ids=name_of)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    used = {name.split(".")[0] for name in imports(path, anywhere=False)}
    assert not used & HEAVY


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_fit_in_the_head_and_say_what_they_are(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 350
    assert ast.get_docstring(ast.parse(text)), "a module says in a sentence what it is"


def public_names():
    return [name for name in tfzoo.__all__ if inspect.isclass(getattr(tfzoo, name))]


def modules():
    """The modules of the house but for the programs, which are for the command line."""
    rooms = [path for path in in_rooms() if path.name != "__init__.py"]
    return [".".join(("tfzoo", *path.relative_to(HOUSE).with_suffix("").parts)) for path in rooms]


def own_classes_and_functions():
    for name in modules():
        module = __import__(name, fromlist=["_"])
        for each in vars(module).values():
            ours = getattr(each, "__module__", None) == name and callable(each)
            if ours and not each.__name__.startswith("_") and not is_protocol(each):
                yield each


def is_protocol(each):
    return getattr(each, "_is_protocol", False)


def own_methods(cls):
    """The public methods that a class adds to those of its bases."""
    for name, method in vars(cls).items():
        method = getattr(method, "__func__", method)
        inherited = any(hasattr(base, name) for base in cls.__mro__[1:])
        if inspect.isfunction(method) and not name.startswith("_") and not inherited:
            yield method


def test_everything_public_has_a_docstring():
    public = list(own_classes_and_functions())
    public += [method for each in public if inspect.isclass(each) for method in own_methods(each)]
    assert len(public) > 100
    assert [each.__qualname__ for each in public if not each.__doc__] == []


def test_classes_that_keras_saves_are_registered_under_the_package():
    saved = (keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric)
    saved += (keras.optimizers.schedules.LearningRateSchedule,)
    abstract = {"Backbone", "EncoderBackbone", "PresetTask", "Task", "TokenTask", "Tokenizer"}
    abstract |= {"ByteLevelTokenizer", "BytePairTokenizer", "DecoderBackbone", "StackedBackbone"}
    abstract |= {
        "CausalLM",
        "Classifier",
        "Distiller",
        "Embedder",
        "MaskedLM",
        "MultipleChoice",
        "Preprocessor",
        "Pretrainer",
        "QuestionAnswerer",
        "TokenClassifier",
        "TrainedTask",
    }
    found = [
        each
        for each in own_classes_and_functions()
        if inspect.isclass(each)
        and (issubclass(each, saved) or hasattr(each, "from_config"))
        and each.__name__ not in abstract
    ]
    assert {"BertClassifier", "BertTokenizer", "TransformerStack", "AdamW", "WarmupDecay"} <= {
        each.__name__ for each in found
    }
    for each in found:
        name = f"tfzoo>{each.__name__}"
        assert keras.saving.get_registered_name(each) == name
        assert keras.saving.get_registered_object(name) is each


def test_public_names_are_sorted_and_exist():
    assert sorted(tfzoo.__all__) == tfzoo.__all__
    assert all(hasattr(tfzoo, name) for name in tfzoo.__all__)
    assert {"BertBackbone", "BertClassifier", "BertMaskedLM", "BertPretrainer"} <= set(
        public_names()
    )


def test_import_is_quiet_light_and_registers_everything(tiny_bert, preprocessor, tmp_path):
    model = tfzoo.BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor)
    model.compile()
    model.save(tmp_path / "model.keras")
    heavy = HEAVY - {"huggingface_hub", "requests"}  # which Keras itself imports
    program = (
        "import sys, tfzoo\n"
        f"print(*sorted({heavy!r} & set(sys.modules)))\n"
        "print('imported', file=sys.stderr)\n"
        "import keras\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "print(type(model).__name__, type(model.optimizer).__module__)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "model.keras"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "\nBertClassifier tfzoo.training.optimizers\n"
    assert run.stderr.startswith("imported\n"), run.stderr
