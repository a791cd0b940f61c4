"""The fuzzer finds what it looks for, and its smaller run over the loaders finds nothing."""

import itertools
import sys

import pytest
from absl import flags

from tests.fuzz import checkpoint, formats, mutations, outcomes, planted, runner, worker
from tests.fuzz.__main__ import define_flags, main, planned
from tfzoo.errors import ConfigError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def valid():
    return formats.write_all()


def test_damaged_weights_load_or_are_refused(valid, tmp_path):
    done = list(runner.fuzz(planned(valid, ["*"], 150, seed=0), valid, tmp_path, workers=1))
    assert len(done) == 150
    assert {outcome.kind.partition("/")[0] for outcome in done} == set(valid)
    verdicts = [outcome.verdict for outcome in done]
    assert min(verdicts.count("loaded"), verdicts.count("refused")) > 15
    assert outcomes.faults(done) == ""


@pytest.fixture(scope="module")
def planted_outcomes(tmp_path_factory):
    """What became of an input for each planted fault."""
    tasks = [(f"planted/{fault}", 1) for fault in planted.VALID["planted"]]
    limits = worker.Limits(seconds=1, memory=2**26)
    folder = tmp_path_factory.mktemp("planted")
    done = list(runner.fuzz(tasks, planted.VALID, folder, "tests.fuzz.planted:load", limits))
    assert len(done) == len(tasks)
    return {outcome.kind.partition("/")[2]: outcome for outcome in done}


@pytest.mark.parametrize(
    ("fault", "verdict", "what"),
    [
        ("raise", "failed", "exception KeyError in "),
        ("warn", "loaded", "warning RuntimeWarning in planted.py:"),
        ("hang", "failed", "hang in "),
        ("abort", "failed", "crash by SIGABRT in "),
        ("allocate", "loaded", "memory in planted/allocate"),
        ("write", "loaded", "files in planted/write"),
        ("overwrite", "loaded", "files in planted/overwrite"),
        ("delete", "loaded", "files in planted/delete"),
    ],
)
def test_planted_faults_are_found(planted_outcomes, fault, verdict, what):
    outcome = planted_outcomes[fault]
    assert outcome.verdict == verdict
    assert [finding.what.startswith(what) for finding in outcome.findings] == [True]
    assert f"--replay='planted/{fault}:1'" in outcomes.faults([outcome])


@pytest.mark.parametrize(("behaviour", "verdict"), [("accept", "loaded"), ("refuse", "refused")])
def test_loading_and_refusing_are_no_findings(planted_outcomes, behaviour, verdict):
    outcome = planted_outcomes[behaviour]
    assert (outcome.verdict, outcome.findings) == (verdict, [])


def test_a_valid_input_that_does_not_load_ends_the_run(tmp_path):
    valid = {"planted": planted.VALID["planted"] | {"raise": b"other"}}
    tasks = [("planted/raise", 1)]
    with pytest.raises(RuntimeError, match=r"(?s)valid input of planted does not load.*KeyError"):
        list(runner.fuzz(tasks, valid, tmp_path, "tests.fuzz.planted:load", workers=1))


def test_inputs_are_made_again_from_their_numbers(valid):
    for kind in mutations.kinds(valid):
        made = [worker.make_input(kind, number, valid)[0] for number in (1, 1, 2, 3, 4)]
        assert made[0] == made[1]
        assert any(files != valid[kind.partition("/")[0]] for files in made)
        assert any(one != other for one, other in itertools.pairwise(made[1:]))


def test_rewritten_checkpoints_pass_their_checksums(valid, tmp_path):
    import tensorflow as tf

    index, data = "variables/variables.index", "variables/variables.data-00000-of-00001"
    graph = checkpoint.object_graph(valid["hub"][index], valid["hub"][data])
    files = checkpoint.with_graph(valid["hub"], index, data, graph[:-7])
    worker.write_files({**valid["hub"], **files}, tmp_path)
    reader = tf.train.load_checkpoint(str(tmp_path / "variables" / "variables"))
    assert reader.get_tensor(checkpoint.OBJECT_GRAPH.decode()) == graph[:-7]
    names = {key.decode() for key, _ in checkpoint.read_table(valid["hub"][index]) if key}
    assert set(reader.get_variable_to_shape_map()) == names


@pytest.fixture
def command(monkeypatch, capsys):
    """A function that runs the command over planted outcomes; its exit status and what it says."""
    monkeypatch.setattr(formats, "write_all", lambda: planted.VALID)

    def command(*arguments, findings=()):
        def fuzz(tasks, valid, folder):
            return [outcomes.Outcome(*task, "loaded", list(findings)) for task in tasks]

        monkeypatch.setattr(runner, "fuzz", fuzz)
        values = flags.FlagValues()
        define_flags(values)
        values(["fuzz", *arguments])
        with pytest.raises(SystemExit) as exit:
            main(values)
        return exit.value.code, capsys.readouterr().out

    return command


def test_the_command_counts_by_kind(command):
    status, said = command("--count=5", "--kinds=*/raise,*/warn")
    assert status == 0
    lines = [line.split() for line in said.splitlines()]
    assert ["planted/raise", "3", "3", "0", "0", "0"] in lines
    assert ["planted/warn", "2", "2", "0", "0", "0"] in lines
    assert ["all", "5", "5", "0", "0", "0"] in lines


def test_the_command_tells_what_it_found(command):
    finding = outcomes.Finding("hang in here", "no answer")
    status, said = command("--replay=planted/hang:7", findings=[finding])
    assert status == 1
    assert "1 x hang in here\n  in planted/hang\n  no answer\n" in said
    assert "--replay='planted/hang:7'" in said


@pytest.mark.parametrize("argument", ["--kinds=absent/*", "--replay=absent:1", "--replay=1"])
def test_the_command_knows_its_kinds(command, argument):
    with pytest.raises(ConfigError, match="planted/raise"):
        command(argument)
