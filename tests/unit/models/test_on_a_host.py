"""The program that reads headers, as a host's own Python runs it; preflight's judgement."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from made_gguf import write
from unit_settings import make

from xnai.models.found import ModelFile
from xnai.models.gguf import read
from xnai.models.needs import needs
from xnai.models.shape import Shape, shape
from xnai.preflight.models import judge_models
from xnai.run.model_files import command, named_models, parse


def test_each_file_is_told_of_by_the_hosts_python(tmp_path):
    good = write(tmp_path / "it's a \"model\".gguf")
    (tmp_path / "bad.gguf").write_bytes(b"GGUF")
    write(tmp_path / "state.gguf", architecture="mamba", values={"ssm.state_size": 16})
    paths = [str(tmp_path / name) for name in (good.name, "bad.gguf", "none", "state.gguf")]
    asked = command(paths)
    done = subprocess.run(
        ["sh", "-c", str(asked)], input="\n".join(asked.connector_arguments["_stdin"]),
        capture_output=True, text=True, check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    one, cut, none, state = parse(paths, done.stdout.splitlines())
    assert one == ModelFile(str(good), shape(read(good)))
    assert cut.wrong and "cut off" in cut.why
    assert none.wrong and "No such file" in none.why
    assert not state.wrong and "keeps a state of its own" in state.why


def test_only_a_file_that_is_named_is_asked_for():
    checked = make().by_name()
    assert named_models(checked) == {}
    assert named_models(checked | {"llm_model_file": "/m.gguf"}) == {"llm": "/m.gguf"}


@pytest.fixture
def model(tmp_path):
    found = shape(read(write(tmp_path / "m.gguf", tokens=100)))
    return replace(found, weights_bytes=1000 << 20)


def judged(limit_mib, file):
    return judge_models({"llm": file}, {"llm": (limit_mib, 0)})


def file(model: Shape, tokens=2048):
    return ModelFile("/m.gguf", model, needs(model, tokens))


def test_a_model_within_its_limit_is_well(model):
    assert judged(2000, file(model)) == []


def test_a_limit_below_what_the_model_needs(model):
    (found,) = judged(1010, file(model))
    assert (found.severity, found.id, found.subject) == (
        "warning", "model-size", "llm_memory_limit_mib"
    )
    assert "weights 1000, context of 2048 tokens" in found.found
    assert "Set it to None" in found.remedy


def test_a_context_beyond_the_training(model):
    (found,) = judged(2000, file(model, tokens=5000))
    assert (found.severity, found.id) == ("warning", "model-context")
    assert found.found == "5000; the model was trained for 4096"


def test_a_file_that_cannot_be_served_is_an_error_and_one_that_was_not_read_is_not():
    (found,) = judged(512, ModelFile("/m.gguf", why="it is cut off", wrong=True))
    assert (found.severity, found.id, found.found) == ("error", "model", "it is cut off")
    (found,) = judged(512, ModelFile("/m.gguf", why="its header was not read"))
    assert (found.severity, found.id) == ("unknown", "model")


def test_where_the_service_does_not_run_nothing_is_judged():
    assert judge_models({"llm": ModelFile("/m.gguf", why="x", wrong=True)}, {}) == []
