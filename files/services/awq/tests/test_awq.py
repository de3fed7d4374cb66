"""Arguments, refusals, and that a result appears whole or not at all."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from awq import calibration, checks, quantise
from awq.__main__ import main
from awq.checks import Job

SERVICE = Path(__file__).parents[1]
DEADLINE_S = 30.0


@pytest.fixture
def model(tmp_path) -> Path:
    """A directory that looks like a model."""
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "config.json").write_text(
        json.dumps({"hidden_size": 576, "intermediate_size": 1536})
    )
    (directory / "model.safetensors").write_bytes(b"x" * 1000)
    (directory / "tokenizer.json").write_text("{}")
    return directory


@pytest.fixture
def texts(tmp_path) -> Path:
    """Ten calibration texts."""
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": f"text {n}"}) + "\n\n" for n in range(10)))
    return path


@pytest.fixture
def arguments(model, texts, tmp_path) -> list[str]:
    """A command line that is right."""
    return [str(model), str(tmp_path / "out"), "--calibration", str(texts), "--samples", "4",
            "--group-size", "64"]


def writes(job: Job, texts: list[str], directory: Path) -> None:
    """Stand where the quantisation stands."""
    (directory / "model.safetensors").write_text(json.dumps(texts))
    (directory / "sub").mkdir()
    (directory / "sub/tokenizer.json").write_text("{}")


def test_the_result_is_in_its_place(arguments, tmp_path, capsys):
    seen = []

    def run(job: Job, texts: list[str], directory: Path) -> None:
        assert directory == tmp_path / "out.partial" and not job.output.exists()
        seen.append(job)
        writes(job, texts, directory)

    assert main(arguments, run) == 0
    assert "is ready" in capsys.readouterr().out
    assert (tmp_path / "out/sub/tokenizer.json").exists()
    assert not (tmp_path / "out.partial").exists()
    assert (seen[0].group_size, seen[0].samples, seen[0].sequence_length) == (64, 4, 512)


def test_the_same_seed_takes_the_same_texts(texts):
    assert calibration.texts(texts, 5, 1) == calibration.texts(texts, 5, 1)
    assert calibration.texts(texts, 5, 1) != calibration.texts(texts, 5, 2)


def test_plain_text_has_blank_lines_between(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("one\nmore\n\n\n\ntwo\n\none\nmore\n\n")
    assert sorted(calibration.texts(path, 2, 0)) == ["one\nmore", "two"]


REFUSALS = {
    "no config": (lambda m, t: (m / "config.json").unlink(), "no config.json"),
    "broken config": (lambda m, t: (m / "config.json").write_text("{"), "config.json cannot be"),
    "config of another kind": (lambda m, t: (m / "config.json").write_text("[]"), "no JSON object"),
    "no weights": (lambda m, t: (m / "model.safetensors").unlink(), "no weights"),
    "no tokenizer": (lambda m, t: (m / "tokenizer.json").unlink(), "no tokenizer"),
    "quantised": (
        lambda m, t: (m / "config.json").write_text('{"quantization_config": {}}'), "already"
    ),
    "group size": (
        lambda m, t: (m / "config.json").write_text('{"hidden_size": 96}'),
        "does not divide hidden_size = 96 of .*; 32, 16 would",
    ),
    "output exists": (lambda m, t: (m.parent / "out").mkdir(), "out exists"),
    "output is a dangling link": (
        lambda m, t: (m.parent / "out").symlink_to("nowhere/at/all"), "no directory|out exists"
    ),
    "partial exists": (lambda m, t: (m.parent / "out.partial").mkdir(), "one was killed"),
    "no texts": (lambda m, t: t.unlink(), "no such file"),
    "few texts": (lambda m, t: t.write_text('{"text": "x"}\n'), "has 1 different texts"),
    "no UTF-8": (lambda m, t: t.write_bytes(b"\xff\xfe"), "UTF-8"),
    "not as agreed": (lambda m, t: t.write_text('{"text": "x"}\n{"body": 1}'), "line 2"),
    "no objects": (lambda m, t: t.write_text("[1]\n"), "line 1"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_come_before_any_work(arguments, model, texts, tmp_path, capsys, name):
    break_it, says = REFUSALS[name]
    break_it(model, texts)
    before = sorted(tmp_path.rglob("*"))
    assert main(arguments, lambda *_: pytest.fail("started")) == 1
    assert re.search(says, capsys.readouterr().err)
    assert sorted(tmp_path.rglob("*")) == before


def test_not_enough_disk(arguments, model, capsys):
    """A sparse file as large as the disk's free room and more."""
    free = os.statvfs(model).f_bavail * os.statvfs(model).f_frsize
    try:
        os.truncate(model / "model.safetensors", free * 2)
    except OSError:
        # File systems without such large files: many of them add up.
        for number in range(9):
            (model / f"{number}.safetensors").touch()
            os.truncate(model / f"{number}.safetensors", free // 4)
    assert main(arguments, lambda *_: pytest.fail("started")) == 1
    assert "not enough disk" in capsys.readouterr().err


def test_other_places_for_the_output(arguments, model, tmp_path, capsys):
    for output, says in (
        (tmp_path / "none/out", "is no directory"), (model / "out", "the model's own directory"),
    ):
        assert main([arguments[0], str(output), *arguments[2:]], writes) == 1
        assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [["--samples", "0"], ["--samples", "x"], ["--group-size", "100"], ["--seed", "x"],
     ["--sequence-length", "-1"], ["--more"]],
)
def test_wrong_arguments(arguments, wrong):
    with pytest.raises(SystemExit) as ended:
        main([*arguments, *wrong], writes)
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        main(arguments[:2], writes)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_a_failure_leaves_nothing(arguments, tmp_path, error):
    def run(job: Job, texts: list[str], directory: Path) -> None:
        writes(job, texts, directory)
        raise error

    with pytest.raises(error):
        main(arguments, run)
    assert not list(tmp_path.glob("out*"))


def test_no_weights_are_no_result(arguments, tmp_path, capsys):
    assert main(arguments, lambda *_: None) == 1
    assert "wrote no weights" in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_an_output_that_somebody_makes_meanwhile_is_left_alone(arguments, tmp_path, capsys):
    def run(job: Job, texts: list[str], directory: Path) -> None:
        writes(job, texts, directory)
        job.output.mkdir()
        (job.output / "theirs").touch()

    assert main(arguments, run) == 1
    assert "meanwhile" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["theirs"]


@pytest.mark.parametrize(("sent", "left"), [(signal.SIGTERM, False), (signal.SIGKILL, True)])
def test_a_run_that_is_ended(arguments, tmp_path, sent, left):
    """SIGTERM cleans up; SIGKILL leaves the partial, which the next run names."""
    program = (
        "import sys, time\nfrom awq.__main__ import main\n"
        "def run(job, texts, directory):\n"
        "    (directory / 'model.safetensors').write_text('half')\n"
        "    time.sleep(600)\n"
        "sys.exit(main(sys.argv[1:], run))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=SERVICE)
    half = tmp_path / "out.partial/model.safetensors"
    deadline = time.monotonic() + DEADLINE_S
    while not half.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(sent)
    assert process.wait(DEADLINE_S) != 0
    assert not (tmp_path / "out").exists()
    assert half.exists() is left
    assert main(arguments, writes) == (1 if left else 0)


def test_without_its_packages_it_says_so(arguments, tmp_path):
    """These tests' environment has none of them."""
    ended = subprocess.run(
        [sys.executable, "-m", "awq", *arguments], cwd=SERVICE, capture_output=True, text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "install requirements.txt" in ended.stderr and "Traceback" not in ended.stderr
    assert not list(tmp_path.glob("out*"))


def test_the_recipe_is_of_plain_values():
    scaling, rounding = quantise.recipe(64)
    assert json.loads(json.dumps(rounding))["config_groups"]["group_0"]["weights"] == {
        "num_bits": 4, "type": "int", "symmetric": False, "strategy": "group", "group_size": 64,
    }
    assert scaling and rounding["ignore"] == ["lm_head"]


def test_a_model_without_stated_sizes_is_not_refused(arguments, model):
    (model / "config.json").write_text('{"hidden_size": null}')
    checks.check(Job(model, Path(arguments[1]), 128, Path("x"), 1, 1, 0))
