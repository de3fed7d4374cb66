"""From a host's containers to what must be recreated, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from rendering import build_inputs, stack
from unit_containers import as_wanted
from unit_settings import make

from xnai.facts.configuration import Configuration, parse_configuration
from xnai.facts.podman import Container
from xnai.facts.podman_call import PodmanUnknown
from xnai.settings.checks_sources import Source
from xnai.stack import plan as stack_plan
from xnai.stack.catalogue import secret_forms, services, tools
from xnai.stack.differences import in_use
from xnai.stack.drift import configuration, drift
from xnai.stack.plan import (
    StackPlan,
    changed_images,
    foreign,
    plan,
    run_arguments,
    starting,
    with_data,
)

SETTINGS = make()
TWO = ("redis", "rag_api")
SECRETS = {
    name: f"id-{number}"
    for number, name in enumerate((n for forms in secret_forms(SETTINGS) for n in forms), 1)
}


def two(found: StackPlan) -> StackPlan:
    """The plan cut to two services, one of which depends on the other."""
    kept = tuple(service for service in found.services if service.name in TWO)
    return dataclasses.replace(found, services=kept)


PLAN = two(stack(SETTINGS))
REDIS, RAG_API = (service.container_name for service in PLAN.services)
IMAGES = {reference: f"image of {reference}" for reference in PLAN.references.values()}


def differences(
    wanted: StackPlan,
    found: Mapping[str, Container] | PodmanUnknown,
    secrets: Mapping[str, str] | PodmanUnknown,
    images: Mapping[str, str] = IMAGES,
) -> dict[str, str]:
    """What differs where the images are as they should be."""
    return stack_plan.differences(wanted, found, secrets, images)


def containers(name: str = "", **changes: object) -> dict[str, Container]:
    """The containers as they should be, one of them with `changes`."""
    found = {
        service.container_name: as_wanted(
            service,
            config=PLAN.config_hashes[service.name],
            image_id=IMAGES[PLAN.references[service.name]],
            secrets={item.secret: SECRETS[item.secret] for item in service.secrets},
        )
        for service in PLAN.services
    }
    if name:
        found[name] = dataclasses.replace(found[name], **changes)
    return found


def test_nothing_to_do():
    assert differences(PLAN, containers(), SECRETS) == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"config": "0" * 16}, "configuration changed"),
        ({"config": ""}, "configuration changed"),
        ({"state": "exited", "exit_code": 137, "health": ""}, "exited, exit code 137"),
        ({"state": "created", "health": ""}, "created, exit code 0"),
        ({"state": "paused", "health": ""}, "paused, exit code 0"),
        ({"health": "unhealthy"}, "unhealthy"),
        ({"secrets": SECRETS | {"xnai_redis_auth_conf": "id-0"}},
         "secret xnai_redis_auth_conf changed"),
        ({"secrets": {}}, "secret xnai_redis_auth_conf changed"),
    ],
)
def test_what_is_wrong_with_redis_takes_its_dependents_along(changes, reason):
    assert differences(PLAN, containers(REDIS, **changes), SECRETS) == {
        "redis": reason, "rag_api": "depends on redis",
    }


def test_what_is_wrong_with_a_dependent_leaves_redis_alone():
    found = differences(PLAN, containers(RAG_API, config="0" * 16), SECRETS)
    assert found == {"rag_api": "configuration changed"}


def test_a_reason_of_ones_own_is_told_first():
    found = containers(REDIS, health="unhealthy")
    found[RAG_API] = dataclasses.replace(found[RAG_API], config="old")
    assert differences(PLAN, found, SECRETS) == {
        "redis": "unhealthy", "rag_api": "configuration changed",
    }


def test_another_image_is_another_configuration():
    # Podman may show an image by another name than the one that it was asked for.
    inputs = build_inputs(SETTINGS)
    rebuilt = [dataclasses.replace(item, reference=f"{item.reference}0") for item in inputs]
    assert differences(two(plan(SETTINGS, rebuilt)), containers(), SECRETS) == {
        "rag_api": "configuration changed",
    }
    other = make(redis_image="docker.io/library/redis:7.4")
    assert differences(two(stack(other)), containers(), SECRETS) == {
        "redis": "configuration changed", "rag_api": "depends on redis",
    }


def test_an_image_of_the_same_name_that_was_built_anew():
    rag_api = PLAN.references["rag_api"]
    without = {reference: id_ for reference, id_ in IMAGES.items() if reference != rag_api}
    for images in (IMAGES | {rag_api: "another"}, without):
        assert differences(PLAN, containers(), SECRETS, images) == {"rag_api": "its image changed"}
    # A pulled image as well; and what depends on it follows.
    images = IMAGES | {PLAN.references["redis"]: "another"}
    assert differences(PLAN, containers(), SECRETS, images) == {
        "redis": "its image changed", "rag_api": "depends on redis",
    }


def test_one_that_is_starting_is_waited_for_and_not_made_anew():
    found = containers(RAG_API, health="starting")
    assert differences(PLAN, found, SECRETS) == {}
    assert starting(PLAN, found) == [RAG_API]
    found[REDIS] = dataclasses.replace(found[REDIS], health="starting")
    assert starting(PLAN, found) == [REDIS, RAG_API]
    assert starting(PLAN, containers()) == starting(PLAN, {}) == []
    # What is wrong besides is still wrong.
    assert differences(PLAN, containers(RAG_API, health="starting", config="old"), SECRETS) == {
        "rag_api": "configuration changed",
    }


def test_what_others_have_made_in_our_place():
    assert foreign(PLAN, containers(), "xnai") == []
    assert foreign(PLAN, {}, "xnai") == []
    assert foreign(PLAN, containers(REDIS, stack=""), "xnai") == [REDIS]
    assert foreign(PLAN, containers(), "other") == [REDIS, RAG_API]
    odd = dataclasses.replace(containers()[REDIS], name="odd", stack="")
    assert foreign(PLAN, containers() | {"odd": odd}, "xnai") == []


def test_absent():
    assert differences(PLAN, {}, SECRETS) == {"redis": "absent", "rag_api": "absent"}
    only_redis = {REDIS: containers()[REDIS]}
    assert differences(PLAN, only_redis, SECRETS) == {"rag_api": "absent"}


def test_a_container_that_no_service_asks_for_is_left_alone():
    odd = containers() | {"xnai_odd": dataclasses.replace(containers()[REDIS], name="xnai_odd")}
    assert differences(PLAN, odd, SECRETS) == {}


@pytest.mark.parametrize(
    "secrets", [{}, SECRETS | {"xnai_redis_password": "id-3"}], ids=["missing", "recreated"]
)
def test_a_secret_that_is_not_what_the_container_was_made_with(secrets):
    found = differences(PLAN, containers(), secrets)
    assert set(found) == {"redis", "rag_api"}
    assert found["rag_api"] == "secret xnai_redis_password changed"


def test_a_secret_that_neither_has_is_not_as_it_should_be():
    assert differences(PLAN, containers(RAG_API, secrets={}), {}) == {
        "redis": "secret xnai_redis_auth_conf changed",
        "rag_api": "secret xnai_redis_password changed",
    }


def test_a_podman_that_does_not_answer():
    everything = {"redis": "no Podman yet", "rag_api": "no Podman yet"}
    assert differences(PLAN, PodmanUnknown(), SECRETS) == everything
    assert differences(PLAN, containers(), PodmanUnknown()) == everything
    assert differences(PLAN, PodmanUnknown(), PodmanUnknown()) == everything


def test_the_plan_is_in_dependency_order():
    seen: set[str] = set()
    for service in PLAN.services:
        assert set(service.depends_on) <= seen
        seen.add(service.name)
    assert list(differences(PLAN, {}, {})) == [service.name for service in PLAN.services]
    names = [service.name for service in stack(SETTINGS).services]
    assert names == [
        "redis", "llm", "rag_api", "chainlit_ui", "crawler", "curation_worker", "docs",
        "vikunja_db", "vikunja",
    ]


def test_the_parts_have_a_file_and_a_project_each():
    files = stack(SETTINGS).files
    assert {part: (file.name, file.project) for part, file in files.items()} == {
        "": ("docker-compose.yml", "xnai"),
        "vikunja": ("docker-compose.vikunja.yml", "xnai_vikunja"),
    }
    assert list(stack(make(vikunja=False)).files) == [""]


def test_the_quantisation_of_ones_own_tree_has_its_environment():
    own = Source(Path("/tree"), (("app", "app"),), "lock.txt", environment=(("LEVEL", "4$bit"),))
    settings = dataclasses.replace(make(awq_image=True), service_sources={"awq": own})
    (tool,) = tools(settings)
    assert tool.environment == own.environment
    # Compose reads $ as the start of a variable, $$ as one $.
    inputs = build_inputs(make(awq_image=True))
    text = plan(settings, inputs).files[""].text
    assert yaml.safe_load(text)["services"]["awq"]["environment"] == {"LEVEL": "4$$bit"}
    (reference,) = tools(make(awq_image=True))
    assert reference.environment == ()
    assert tools(make()) == ()


def test_what_podman_is_told_beside_the_file_is_part_of_the_configuration():
    before, after = stack(SETTINGS), stack(make(redis_swap_mib=1, rag_api_swap_mib=256))
    assert after.files == before.files | {"": after.files[""]}
    changed = {
        name for name, value in after.config_hashes.items() if before.config_hashes[name] != value
    }
    assert changed == {"redis"}
    assert run_arguments(after.services[0]) == [
        "--memory-swap=257m", "--oom-score-adj=0", "--stop-timeout=75",
    ]


DRIFTS = {
    "environment": ((("REDIS_HOST", "elsewhere"), ("EXTRA", "1")),
                    "EXTRA=1 REDIS_HOST=elsewhere"),
    "mounts": (("tmpfs /tmp", "volume other:/data"),
               "volume other:/data -> volume xnai_rag_index:/data"),
    "ports": (("*:8000 -> 8000",), "*:8000 -> 8000 -> 127.0.0.1:8000 -> 8000"),
    "networks": (("xnai",), "none -> xnai_data"),
    "capabilities": (("NET_RAW",), "NET_RAW -> none"),
    "user": ("0:0", "0:0 -> 10001:10001"),
    "read_only": (False, "False -> True"),
    "restart": ("no", "no -> unless-stopped"),
    "health_command": (("CMD", "true"), "true -> "),
    "limit_mib": (0, "0 -> 512"),
    "reservation_mib": (1, "1 -> 0"),
    "swap_mib": (512, "512 -> 256"),
    "oom_score_adj": (0, "0 -> 300"),
    "privileged": (True, "True -> False"),
    "init": (False, "False -> True"),
    "stop_timeout_s": (10, "10 -> 30"),
    "cpus": (1.5, "1.5 -> 0.0"),
}


def test_every_field_that_is_compared_is_tested():
    # The signal has a test of its own: most services say nothing about it.
    # So is the directory, which most leave to their image.
    apart = {"stop_signal", "working_directory"}
    assert {*DRIFTS} | apart == {f.name for f in dataclasses.fields(Configuration)}


@pytest.mark.parametrize("field", DRIFTS)
def test_a_container_that_was_changed_by_hand_is_made_anew(field):
    value, said = DRIFTS[field]
    made = containers()[RAG_API].configuration
    if field == "environment":
        rest = tuple(item for item in made.environment if item[0] != "REDIS_HOST")
        value = tuple(sorted((*rest, *value)))
    found = containers(RAG_API, configuration=dataclasses.replace(made, **{field: value}))
    reasons = differences(PLAN, found, SECRETS)
    assert list(reasons) == ["rag_api"]
    assert reasons["rag_api"].startswith(f"drifted: {field.replace('_', ' ')} ")
    assert said in reasons["rag_api"]


def test_a_stop_signal_is_compared_where_the_catalogue_names_one():
    for service in stack(SETTINGS).services:
        made = dataclasses.replace(configuration(service), stop_signal="SIGHUP")
        wanted = "stop signal SIGHUP -> SIGINT" if service.name == "vikunja" else ""
        assert drift(service, made, None) == wanted


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_bytes": None}, "memory.max of its cgroup max -> 512 MiB"),
        ({"max_bytes": 1 << 28}, "memory.max of its cgroup 256 MiB -> 512 MiB"),
        ({"low_bytes": 1 << 20}, "memory.low of its cgroup 1 MiB -> 0 MiB"),
        ({"swap_max_bytes": 0}, "memory.swap.max of its cgroup 0 MiB -> 256 MiB"),
        ({"current_bytes": 1 << 28, "swap_current_bytes": 1}, ""),
    ],
)
def test_a_cgroup_that_was_written_to_by_hand(changes, said):
    live = containers()[RAG_API].cgroup
    assert live
    found = containers(RAG_API, cgroup=dataclasses.replace(live, **changes))
    reasons = differences(PLAN, found, SECRETS)
    assert reasons == ({"rag_api": f"drifted: {said}"} if said else {})


def test_a_container_whose_cgroup_cannot_be_read_is_judged_by_its_configuration():
    assert differences(PLAN, containers(RAG_API, cgroup=None), SECRETS) == {}


WHOLE = stack(SETTINGS)
UP = {
    service.container_name: as_wanted(service, image_id=f"image of {service.name}")
    for service in WHOLE.services
}
IDS = {WHOLE.references[s.name]: f"image of {s.name}" for s in WHOLE.services}
ALL = {service.name: "configuration changed" for service in WHOLE.services}


def changed(reasons=ALL, containers=UP, ids=IDS, as_good=("", "vikunja")) -> list[str]:
    """The services whose data are copied first."""
    return changed_images(WHOLE, reasons, containers, ids, as_good)


def test_data_are_copied_where_their_image_changes():
    assert changed() == []
    # Pulled under the same name, or not there yet.
    for ids in (
        IDS | {WHOLE.references["redis"]: "another"},
        {name: id_ for name, id_ in IDS.items() if name != WHOLE.references["redis"]},
    ):
        assert changed(ids=ids) == ["redis"]
        assert changed({"rag_api": "configuration changed"}, ids=ids) == []
    own = IDS | {WHOLE.references["rag_api"]: "another"}
    assert changed(ids=own) == []


def test_what_another_vikunja_migrates_is_copied_with_its_files():
    copied = changed({"vikunja": "x"}, ids=IDS | {WHOLE.references["vikunja"]: "another"})
    assert copied == ["vikunja_db", "vikunja"]
    assert with_data(WHOLE, {"vikunja": "configuration changed"}, copied) == {
        "vikunja_db": "its data are copied", "vikunja": "configuration changed",
    }
    assert with_data(WHOLE, {"llm": "x"}, ["redis"]) == {
        "redis": "its data are copied", "llm": "x",
        **dict.fromkeys(("rag_api", "crawler", "curation_worker", "vikunja"), "depends on redis"),
    }
    assert with_data(WHOLE, ALL, []) == ALL


def test_of_an_absent_container_the_healthy_generation_tells():
    gone = {name: one for name, one in UP.items() if name != "xnai_redis"}
    for containers in (gone, PodmanUnknown()):
        assert changed(containers=containers) == []
    assert changed(containers=gone, as_good=("vikunja",)) == ["redis"]


@pytest.mark.parametrize(
    ("printed", "name"),
    [("SIGINT", "SIGINT"), (2, "SIGINT"), ("15", "SIGTERM"), (15, "SIGTERM"), (None, "SIGTERM"),
     ("", "SIGTERM"), (0, "SIGTERM"), (37, "37"), ("SIGRTMIN+3", "SIGRTMIN+3")],
)
def test_a_signal_has_one_name_in_every_podman(printed, name):
    found = parse_configuration({"Config": {"StopSignal": printed}, "HostConfig": {}})
    assert found.stop_signal == name


def test_a_health_check_of_one_word_is_as_podman_shows_it():
    source = {"context": "/srv/tree", "copy": ["app"], "requirements": "r.txt"}
    settings = make(service_sources={"rag_api": source | {"health_command": ["/app/healthy"]}})
    (service,) = (s for s in services(settings) if s.name == "rag_api")
    assert configuration(service).health_command == ("CMD-SHELL", "/app/healthy")


def test_what_containers_have_is_known_to_be_there():
    one = SimpleNamespace(configuration=SimpleNamespace(
        networks=("xnai", "xnai_data"),
        mounts=("volume xnai_library:/library", "bind /etc/x:/x:ro", "tmpfs /tmp"),
    ))
    facts = SimpleNamespace(containers={"xnai_rag_api": one})
    assert in_use(facts) == {"xnai", "xnai_data", "xnai_library"}
    assert in_use(SimpleNamespace(containers=PodmanUnknown())) == frozenset()
