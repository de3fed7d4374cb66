"""Bringing containers up, each after what it depends on, and what is said when one is not."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess

import pytest
import rendering
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError
from unit_containers import as_wanted
from unit_settings import make

from xnai.facts.podman import Container
from xnai.operations import generation, healthy, stack
from xnai.operations.data import Data
from xnai.operations.guard import one_at_a_time
from xnai.programs.rollback.bundle import make_spec
from xnai.remote import content
from xnai.remote.lease_code import DIRECTORY as LOCK_DIRECTORY

DIRECTORY = "/var/lib/xnai/xnai/stack"
PLAN = rendering.stack(make())
SERVICES = [s for s in PLAN.services if s.name in ("redis", "rag_api")]
UP = as_wanted(SERVICES[0])
FILES = ["docker-compose.yml", "docker-compose.vikunja.yml"]
VOLUMES = (
    ("xnai_redis_data", 999), ("xnai_rag_index", 10001), ("xnai_library", 10001),
    ("xnai_vikunja_db_data", 999), ("xnai_vikunja_files", 1000),
)


def but(**changes: object) -> dict[str, Container]:
    """The containers of which only Redis exists, with `changes`."""
    return {"xnai_redis": dataclasses.replace(UP, **changes)}


def bring_up(read, recreate=SERVICES, timeout_s: int = 180, previous=None, data=None) -> list[str]:
    of = stack.Stack(PLAN, DIRECTORY, read, timeout_s, absent_files=())
    return commands(
        stack.bring_up, of=of, recreate=list(recreate), previous=previous or {},
        data=data,
    )


@pytest.fixture(autouse=True)
def _a_clock_of_its_own(monkeypatch):
    """A second passes at every look at the clock; nobody sleeps."""
    clock = itertools.count(0, 1)
    monkeypatch.setattr(healthy.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(healthy.time, "monotonic", lambda: next(clock))


def test_the_plan():
    with on_a_host(executing=False):
        found = bring_up(lambda name, url: pytest.fail("read"))
    compose = (
        "timeout --kill-after=10 900 /usr/local/bin/xnai-podman compose -p xnai "
        f"-f {DIRECTORY}/docker-compose.yml"
    )
    up = "up --detach --no-build --no-deps"
    label = "--ignore --label=io.xnai.stack=xnai"
    network = f"/usr/local/bin/xnai-podman network create {label}"
    volume = f"/usr/local/bin/xnai-podman volume create {label} --opt"
    assert found == [
        one_at_a_time(" && ".join([
            f"{network} xnai >/dev/null", f"{network} --internal xnai_data >/dev/null",
            *(f"{volume}=o=uid={owner},gid={owner} {name} >/dev/null" for name, owner in VOLUMES),
        ])),
        one_at_a_time(
            "/usr/local/bin/xnai-podman rm --force --ignore --time 75 xnai_rag_api xnai_redis"
        ),
        one_at_a_time(
            f"{compose} '--podman-run-args=--memory-swap=384m --oom-score-adj=0 "
            f"--stop-timeout=75' {up} redis"
        ),
        one_at_a_time(
            f"{compose} '--podman-run-args=--memory-swap=768m --oom-score-adj=300 "
            f"--stop-timeout=30' {up} rag_api"
        ),
        generation.keep(DIRECTORY, FILES),
    ]


def test_a_part_of_its_own_is_a_project_of_its_own():
    vikunja = next(s for s in PLAN.services if s.name == "vikunja")
    with on_a_host(executing=False):
        found = bring_up(lambda name, url: {}, [vikunja])[-2]
    assert f"-p xnai_vikunja -f {DIRECTORY}/docker-compose.vikunja.yml " in found
    assert "--no-deps vikunja" in found


def test_no_volume_is_ever_removed():
    with on_a_host(executing=False):
        for command in bring_up(lambda name, url: {}):
            words = command.split()
            assert "-v" not in words and "--volumes" not in words and "down" not in words
            assert "volume rm" not in command and "volume prune" not in command


def test_each_is_healthy_before_the_next_is_started():
    answers = {"xnai_redis": [{}, but(health="starting"), but()], "xnai_rag_api": []}
    seen = []

    def read(name, url):
        seen.append(name)
        queue = answers[name]
        return queue.pop(0) if queue else {name: dataclasses.replace(UP, name=name)}

    with on_a_host() as host:
        yielded = bring_up(read)
    assert [" network create " in yielded[0], yielded[1:]] == [
        True, [generation.keep(DIRECTORY, FILES)],
    ]
    assert " rm --force" in host.commands[0]
    assert [" --no-deps redis" in host.commands[1], " --no-deps rag_api" in host.commands[2]] == [
        True, True,
    ]
    assert seen == ["xnai_redis"] * 3 + ["xnai_rag_api"]


def test_what_does_not_depend_on_one_another_starts_together():
    seen = []

    def read(name, url):
        seen.append(name.removeprefix("xnai_"))
        return {name: dataclasses.replace(UP, name=name)}

    with on_a_host() as host:
        bring_up(read, PLAN.services)
    started = [c.split(" --no-deps ")[1].split("'")[0] for c in host.commands if "--no-deps" in c]
    depends = {service.name: service.depends_on for service in PLAN.services}
    assert sorted(started) == sorted(depends) == sorted(seen)
    assert all(started.index(need) < started.index(name)
               for name, needs in depends.items() for need in needs)
    # Without any need: all of them before the first wait.
    alone = [name for name in started if not depends[name]]
    assert started[:len(alone)] == alone and seen[:len(alone)] == alone
    assert {"redis", "vikunja_db", "docs", "llm"} <= set(alone)


GOOD = {f"{DIRECTORY}/good/{file.name}": file.text for file in PLAN.files.values()}
OLDER = {path: text.replace("redis:8.0", "redis:7.9") for path, text in GOOD.items()}


def fails(
    files: dict[str, str], read=lambda name, url: {}, failing=(), data=None, stdout=()
) -> tuple[str, list[str]]:
    """The error of a bring-up that fails where `files` is the generation before; the commands."""
    with on_a_host() as host, pytest.raises(OperationError) as failure:
        host.files, host.failing, host.stdout = files, failing, list(stdout)
        bring_up(read, timeout_s=5, data=data)
    return str(failure.value), host.commands


def test_what_is_not_healthy_goes_back_to_the_generation_before():
    tried = []

    def read(name, url):
        tried.append(name)
        return {name: dataclasses.replace(UP, name=name)} if len(tried) > 7 else {}

    said, asked = fails(OLDER, read)
    assert said.startswith("xnai_redis is not healthy after ")
    assert said.endswith(
        "\n  rolled back to the previous generation: xnai_redis, xnai_rag_api healthy again"
    )
    told = [text for text in asked if "cat " not in text]
    after = told[next(n for n, text in enumerate(told) if "logs" in text) + 1:]
    assert "rm --force --ignore --time 75 xnai_rag_api xnai_redis" in after[0]
    assert f" && rm -f {' '.join(FILES)} && cp " in after[1]
    assert ["--no-deps redis" in after[2], "--no-deps rag_api" in after[3]] == [True, True]
    assert len(after) == 4


def test_a_command_that_fails_goes_back_too():
    def read(name, url):
        return {name: dataclasses.replace(UP, name=name)}

    said, _ = fails(OLDER, read, ("-deps redis",))
    assert said.startswith("starting xnai_redis failed:\n")
    why = "rolling back to the previous generation failed as well: starting xnai_redis failed"
    assert why in said


def test_without_an_earlier_generation_what_was_started_stays_to_be_looked_at():
    said, asked = fails({})
    assert said.endswith("there is no earlier healthy generation to go back to; what was started "
                         "is left as it is, to be looked at")
    assert sum(" rm --force" in text for text in asked) == 1


def test_the_same_generation_is_not_gone_back_to():
    said, asked = fails(GOOD)
    assert said.endswith("this generation was healthy before, there is no other one to go back to")
    assert sum(" rm --force" in text for text in asked) == 1


RECORD = f"{DIRECTORY}/good/data.json"
DATA = Data(
    make_spec(make(), PLAN, ("redis",), SERVICES, RECORD, "scp {path}"),
    "/var/lib/xnai/xnai/backup",
)
# A killed run had made the crawler anew as well.
BEGUN = {RECORD: '{"containers": ["xnai_redis", "xnai_rag_api", "xnai_crawler"], "copies": {}}'}


def healthy_after(count: int):
    """What reads containers of which none is healthy before it was asked `count` times."""
    tried = []

    def read(name, url):
        tried.append(name)
        return {name: dataclasses.replace(UP, name=name)} if len(tried) > count else {}

    return read


def test_data_are_copied_before_anything_is_removed():
    with on_a_host(executing=False):
        prepared = bring_up(lambda name, url: pytest.fail("read"), data=DATA)
    file = DATA.program.file
    assert file.startswith("/var/lib/xnai/xnai/backup/rollback-")
    assert str(prepared[2]) == str(content.put(file, b""))
    assert prepared[3] == DATA.program.command("keep") and " rm --force" in prepared[4]
    assert prepared[-1] == f"rm -f {file}"
    with on_a_host() as host:
        yielded = bring_up(healthy_after(0), data=DATA)
    asked = [text for text in host.commands if not text.startswith("cat ")]
    assert asked[0] == str(DATA.program.command("keep")) and " rm --force" in asked[1]
    assert (yielded[-2], yielded[-1]) == (generation.keep(DIRECTORY, FILES), f"rm -f {file}")


def test_without_a_copy_nothing_is_removed_and_the_files_are_put_back():
    said, asked = fails(OLDER, failing=(" keep",), data=DATA)
    assert said.startswith("copying the data before their image changes:")
    assert not any(" rm --force" in text or "--no-deps" in text for text in asked)
    assert asked[-1] == generation.put_back(DIRECTORY, FILES)


def test_data_go_back_before_their_containers_do():
    kept = "kept: the volume xnai_redis_data_failed_20260131T120000Z"
    said, asked = fails(
        OLDER | BEGUN, healthy_after(7), data=DATA, stdout=("unpacking", kept)
    )
    assert said.endswith(
        "rolled back to the previous generation: xnai_redis, xnai_rag_api, xnai_crawler healthy "
        "again\n  "
        + kept
    )
    told = [text for text in asked if not text.startswith("cat ")]
    after = told[next(n for n, text in enumerate(told) if "logs" in text) + 1:]
    assert "rm --force --ignore --time 75 xnai_crawler xnai_rag_api xnai_redis" in after[0]
    assert after[1:3] == [
        generation.put_back(DIRECTORY, FILES), str(DATA.program.command("back"))
    ]
    assert ["--no-deps redis" in after[3], "--no-deps crawler" in after[5]] == [True, True]
    assert after[6] == DATA.program.remove()


def test_the_same_generation_with_data_from_before_is_gone_back_to():
    said, asked = fails(GOOD | BEGUN, healthy_after(7), data=DATA)
    assert "rolled back to the previous generation: xnai_redis" in said
    assert str(DATA.program.command("back")) in asked


def test_data_that_cannot_be_put_back_are_named():
    said, asked = fails(OLDER | BEGUN, failing=(" back",), data=DATA)
    assert "failed as well: putting the data from before back" in said
    assert "The data from before: /var/lib/xnai/xnai/backup/*-before-upgrade-*.tar" in said
    assert sum("--no-deps redis" in text for text in asked) == 1


def test_keep():
    with on_a_host(executing=False):
        shared, keep = commands(
            stack.keep, plan=rendering.stack(make(awq_image=True)), directory=DIRECTORY
        )
    assert keep == generation.keep(DIRECTORY, FILES)
    # Its container is nobody's business but the user's, who fills it first.
    assert " xnai_models >/dev/null" in shared


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_keep_replaces_the_generation_before_as_a_whole(tmp_path, shell):
    (tmp_path / "good").mkdir()
    (tmp_path / "good/gone.yml").touch()
    (tmp_path / "good/data.json").touch()
    (tmp_path / "good.new").mkdir()
    (tmp_path / "good.old").mkdir()
    (tmp_path / "one.yml").write_text("x")
    command = generation.keep(str(tmp_path), ["one.yml"]).replace(
        LOCK_DIRECTORY, str(tmp_path)
    )
    for _ in range(2):
        subprocess.run([shell, "-c", command], check=True)
        assert [path.name for path in (tmp_path / "good").iterdir()] == ["one.yml"]
    assert not (tmp_path / "good.new").exists() and not (tmp_path / "good.old").exists()


def test_an_image_that_a_container_leaves_keeps_a_name():
    with on_a_host(executing=False):
        found = bring_up(
            lambda name, url: pytest.fail("read"), SERVICES[1:],
            previous={"localhost/xnai_rag_api:previous": "0123abcd"},
        )
    assert found[0] == one_at_a_time(
        "/usr/local/bin/xnai-podman tag 0123abcd localhost/xnai_rag_api:previous"
    )
    assert "rm --force" in found[2]


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_remove_keeps_own_images_under_a_name_and_volumes(tmp_path, shell):
    program = tmp_path / "podman"
    program.write_text(
        '#!/bin/sh\necho "$@" >> "$0.calls"\ncase "$*" in *Image*xnai_llm) '
        'echo localhost/xnai_llm:0123 sha-1 ;; *Image*xnai_redis) echo docker.io/redis:8 sha-2 ;; '
        "*Image*) exit 125 ;; esac\n"
    )
    program.chmod(0o755)
    with on_a_host(executing=False):
        found = commands(stack.remove, names=["xnai_llm", "xnai_redis", "xnai_gone"])
    for command in found:
        text = command.replace("/usr/local/bin/xnai-podman", str(program))
        text = text.replace(
        LOCK_DIRECTORY, str(tmp_path)
    )
        subprocess.run([shell, "-c", text], check=True)
    calls = (tmp_path / "podman.calls").read_text().splitlines()
    assert [call for call in calls if not call.startswith("container inspect")] == [
        "tag sha-1 localhost/xnai_llm:previous",
        "rm --force --ignore --time 75 xnai_llm xnai_redis xnai_gone",
    ]


def test_a_judgement_that_fails_does_not_take_the_place_of_the_failure(monkeypatch):
    from xnai.operations import judgement

    def broken(_host):
        raise KeyError("what nobody foresaw")

    monkeypatch.setattr(judgement, "triage", broken)
    with on_a_host():
        assert judgement.judgement() == (
            "\n  what is wrong could not be told: KeyError: 'what nobody foresaw'"
        )


def test_it_is_the_host_itself_that_is_judged_and_not_pyinfras_stand_in(monkeypatch):
    from xnai.operations import judgement

    asked = []
    monkeypatch.setattr(judgement, "triage", asked.append)
    with on_a_host() as host:
        judgement.judgement()
    assert asked == [host]


def test_what_this_run_has_changed_itself_is_no_cause(monkeypatch):
    from types import SimpleNamespace

    from xnai.operations import judgement
    from xnai.triage.diagnosis import Judgement

    roots = tuple(
        SimpleNamespace(id=name) for name in ("file-drift", "oom-cgroup", "generation-drift")
    )
    found = Judgement("stack xnai", roots, (), (), (), ())
    monkeypatch.setattr(
        judgement, "triage", lambda host: SimpleNamespace(looked=[SimpleNamespace(judgement=found)])
    )
    monkeypatch.setattr(judgement, "lines", lambda one: [root.id for root in one.roots])
    with on_a_host():
        assert judgement.judgement() == "\n  xnai triage says:\n  oom-cgroup"
