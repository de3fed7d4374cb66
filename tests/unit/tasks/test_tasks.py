"""Every step of the deploy on hosts as they are: which commands reach the host, in which order.

The expected files are literal and were read by a person: what comes before what, which modes, and
what follows a change of a file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools

import pytest
from fact_fixtures import fact_classes, output
from rendering import build_inputs
from rendering import stack as planned
from task_runs import SEEN, Fact, a_host, compare, modules, told
from unit_containers import as_wanted
from unit_settings import make

from tasks import (
    backup,
    before,
    containers,
    images,
    memory,
    restore,
    rotate_secrets,
    sampler,
    secrets,
    stack,
    teardown,
    vikunja_account,
)
from xnai.facts.machine.model import ConfigFile
from xnai.facts.podman import StoreFacts, StoreImage
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.sampler import UNIT_FILE
from xnai.facts.sections import FileState
from xnai.images.content import CONTENT_LABEL, PARENT_LABEL
from xnai.operations import healthy
from xnai.record.baseline import Before, OldUser, OldZram
from xnai.run import password as asked_password
from xnai.run.differences import below_the_stack
from xnai.run.pyinfra import HostFailed
from xnai.stack.boot_unit import unit_text
from xnai.stack.catalogue import secret_forms
from xnai.stack.differences import listed
from xnai.stack.paths import stack_directory
from xnai.stack.plan import plan

SETTINGS = make()
PLAN = planned(SETTINGS)
SECRETS = {name: f"id-{name}" for forms in secret_forms(SETTINGS) for name in forms}
INPUTS = build_inputs(SETTINGS)
IDS = {
    name: f"{number:064x}" for number, name in enumerate(dict.fromkeys(
        [SETTINGS.base_image, *(item.reference for item in INPUTS), *PLAN.references.values()]
    ), 1)
}
LABELS = {
    item.reference: {CONTENT_LABEL: item.content_hash, PARENT_LABEL: IDS[item.parent]}
    for item in INPUTS
}
IMAGES = tuple(
    StoreImage(id_, (name,), (), 0, 1, LABELS.get(name, {})) for name, id_ in IDS.items()
)
NOTHING = StoreFacts(
    PodmanUnknown(), PodmanUnknown(), PodmanUnknown(), frozenset(), {}, False, False
)


def container(service):
    """The healthy container of a service of the plan."""
    return as_wanted(
        service, stack=SETTINGS.stack_name, config=PLAN.config_hashes[service.name],
        image_id=IDS[PLAN.references[service.name]],
        secrets={item.secret: SECRETS[item.secret] for item in service.secrets},
    )


def file(text):
    """A file of root's with a text."""
    return FileState(hashlib.sha256(text.encode()).hexdigest(), "0644", "root", "root")


HEALTHY = StoreFacts(
    IMAGES, SECRETS, {s.container_name: container(s) for s in PLAN.services},
    frozenset(s.container_name for s in PLAN.services),
    {
        f"{stack_directory(SETTINGS)}/{folder}{one.name}": file(one.text)
        for folder in ("", "good/") for one in PLAN.files.values()
    } | {"/etc/systemd/user/xnai-stack.service": file(unit_text(SETTINGS))},
    True, True,
)
EMPTY = dataclasses.replace(
    HEALTHY, containers={}, of_stack=frozenset(), files={}, enabled=False
)
UP = {"Running": lambda **_: HEALTHY.containers, "BootUnit": False, "OomKills": ()}


def silent(ready_url):
    """The containers where Vikunja is healthy and does not answer; told only where it is asked."""
    vikunja = HEALTHY.containers["xnai_vikunja"]
    return HEALTHY.containers | {
        "xnai_vikunja": dataclasses.replace(vikunja, answers=False if ready_url else None)
    }


def remains(case="normal", **changes):
    """What there is to be taken down."""
    record = Before(
        {"vm.swappiness": "60"}, False, OldZram(False, False, 0, "", 0),
        OldUser("xnai", False, False, (), ()), {}, frozenset({"/etc", "/etc/sysctl.d", "/usr"}),
    )
    found = fact_classes()["Teardown"]().process(output("Teardown", case))
    return dataclasses.replace(found, record=record.text().encode(), **changes)


LAST = {
    "others": ("xnai",), "set_aside": ("/etc/sysctl.d/99-mine.conf.xnai-set-aside",),
    "files": {
        "/etc/sysctl.d/90-xnai.conf": True, "/usr/local/bin/xnai-podman": True,
        "/etc/systemd/zram-generator.conf.d/90-xnai.conf": True,
        "/etc/systemd/user/xnai-stack.service": True,
        UNIT_FILE: True,
        "/usr/local/share/ca-certificates/xnai-proxy.crt": True,
        "/home/xnai/.config/containers/containers.conf.d/90-xnai.conf": True,
        "/home/xnai/.config/containers/registries.conf.d/90-xnai.conf": False,
    },
}
ALONE = dataclasses.replace(
    fact_classes()["Teardown"]().process(output("Teardown", "normal")).store, others=(),
)
ANNA = {"vikunja_account_name": "anna", "vikunja_account_email": "anna@example.org"}
CASES = {
    "before_fresh": (before.apply, {"BeforeState": Fact("fresh"), "Memory": Fact("fresh")}),
    "memory_fresh": (memory.apply, {"Memory": Fact("fresh")}),
    "memory_zram_reset": (memory.apply, {"Memory": Fact("reset_zram")}),
    "containers_fresh": (containers.apply, {"Containers": Fact("fresh")}),
    "containers_manager_stopped": (containers.apply, {"Containers": Fact("manager_stopped")}),
    "sampler_fresh": (sampler.apply, {"Containers": Fact("normal")}, {"memory_sampler": True}),
    "sampler_unwanted": (
        sampler.apply, {"Containers": dataclasses.replace(
            fact_classes()["Containers"]().process(output("Containers", "normal")),
            files={UNIT_FILE: file("")},
        )},
    ),
    "secrets_fresh": (secrets.apply, {"Store": NOTHING}),
    "images_fresh": (images.apply, {"Store": NOTHING}),
    "stack_fresh": (stack.apply, {"Store": EMPTY, **UP}),
    "stack_healthy": (stack.apply, {"Store": HEALTHY, **UP}),
    "backup": (backup.apply, {"Store": HEALTHY}),
    "restore": (restore.apply, {"Store": HEALTHY, **UP}, {"restore_from": "/srv/a.tar"}),
    "rotate_secrets": (rotate_secrets.apply, {"Store": HEALTHY, **UP}),
    "rotate_secrets_and_end_sessions": (
        rotate_secrets.apply, {"Store": HEALTHY, **UP},
        {"rotate_only": ["xnai_vikunja_secret"], "end_vikunja_sessions": True},
    ),
    "vikunja_account": (
        vikunja_account.apply, {"Store": HEALTHY, **UP},
        ANNA,
    ),
    "teardown": (teardown.apply, {"Teardown": remains(), "Memory": Fact("normal")}),
    "teardown_of_the_last_stack": (
        teardown.apply, {"Teardown": remains(**LAST), "Memory": Fact("normal")},
    ),
    "teardown_with_the_data": (
        teardown.apply,
        {"Teardown": remains(**LAST | {"store": ALONE}), "Memory": Fact("normal")},
        {"purge": "@local"},
    ),
    "memory_rival_set_aside": (
        memory.apply, {"Memory": Fact("normal")}, {"memory_rivals": "set_aside"},
        dataclasses.replace(SEEN, sysctl_files=(
            ConfigFile("/etc/sysctl.d/99-mine.conf", "/etc/sysctl.d/99-mine.conf",
                       "vm.swappiness = 10\n"),
        )),
    ),
    "stack_other_redis": (
        stack.apply, {"Store": HEALTHY, **UP}, {"redis_image": "docker.io/library/redis:8.2"},
    ),
    "stack_part_switched_off": (
        stack.apply, {"Store": HEALTHY, **UP}, {"vikunja": False},
    ),
    "vikunja_account_unnamed": (vikunja_account.apply, {"Store": HEALTHY, **UP}),
    "vikunja_account_of_none": (
        vikunja_account.apply, {"Store": HEALTHY, **UP}, {"vikunja": False} | ANNA,
    ),
    # Its program would migrate beside a server that still does.
    "vikunja_account_beside_a_start": (
        vikunja_account.apply,
        {"Store": HEALTHY, "Running": lambda ready_url, **_: silent(ready_url)},
        ANNA,
    ),
    "stack_rotation_unfinished": (
        stack.apply,
        {"Store": dataclasses.replace(HEALTHY, files=HEALTHY.files | {
            "/var/lib/xnai/xnai/rotation/unfinished": file("")
        }), **UP},
    ),
}
# Steps that stop, before anything reaches the host.
REFUSED = {
    "stack_rotation_unfinished", "vikunja_account_unnamed", "vikunja_account_of_none",
    "vikunja_account_beside_a_start",
}


# The components of `xnai status --diff` that a step changes.
COMPARED = {
    "memory": {"memory", "zram"}, "containers": {"containers"}, "sampler": {"sampler"},
    "secrets": {"secrets"},
    "images": {"images"}, "stack": {"stack"},
}
EVERYTHING_ELSE = {"Memory": Fact("normal"), "Containers": Fact("normal"), "Store": HEALTHY}


def of_stack_with(settings, facts):
    """What the stack's part of `xnai status --diff` lists."""
    inputs = build_inputs(settings)
    return listed(settings, plan(settings, inputs), inputs, facts.get("Store", HEALTHY))


@pytest.fixture(autouse=True)
def _a_password(monkeypatch):
    monkeypatch.setattr(asked_password, "ask", lambda what: "correct horse")


@pytest.mark.parametrize("case", CASES)
def test_what_reaches_the_host(monkeypatch, case):
    step, facts, *more = CASES[case]
    settings = make(**more[0]) if more else SETTINGS
    seen = more[1] if more[1:] else SEEN
    if case in REFUSED:
        with pytest.raises(HostFailed, match="Nothing was changed"):
            told(monkeypatch, step, settings, facts, seen)
        return
    compare(case, told(monkeypatch, step, settings, facts, seen))


def test_a_generation_that_does_not_serve_yet_is_not_kept(monkeypatch):
    """A run that was ended has left a server behind that still prepares its database."""
    clock = itertools.count(0, 20)
    monkeypatch.setattr(healthy.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(healthy.time, "monotonic", lambda: next(clock))
    files = {path: state for path, state in HEALTHY.files.items() if "/good/" not in path}
    facts = {
        "Store": dataclasses.replace(HEALTHY, files=files),
        "Running": lambda ready_url, **_: silent(ready_url), "BootUnit": False, "OomKills": (),
    }
    with pytest.raises(HostFailed, match=r"xnai_vikunja is not healthy .* does not answer yet"):
        told(monkeypatch, stack.apply, SETTINGS, facts, SEEN)


def test_every_step_is_tested():
    steps = {step.__module__ for step, *_ in CASES.values()}
    # Preflight and the report change nothing: there is nothing to write down. The repair begins
    # with what triage found, and has a file of its own; reports and publishing change no host.
    apart = {
        "tasks.preflight", "tasks.verify", "tasks.repair", "tasks.report", "tasks.publish",
    }
    assert steps == {module.__name__ for module in modules()} - apart


@pytest.mark.parametrize("case", sorted(c for c in CASES if c.split("_")[0] in COMPARED))
def test_a_step_changes_what_is_listed_and_nothing_else(monkeypatch, case):
    """`xnai status --diff` and a step compare by the same functions."""
    step, facts, *more = CASES[case]
    settings = make(**more[0]) if more else SETTINGS
    component = case.split("_")[0]
    with a_host(settings, {**EVERYTHING_ELSE, **facts}) as host:
        all_ = [*below_the_stack(host, settings), *of_stack_with(settings, facts)]
    words = [str(one) for one in all_ if one.component in COMPARED[component] and not one.waits]
    if case in REFUSED:
        return
    lines = told(monkeypatch, step, settings, facts, more[1] if more[1:] else SEEN)
    named = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    assert bool(words) == bool([line for line in named if " aside as " not in line]), (words, named)
    for word in words:
        subject = word.partition(": ")[2].split(" ")[0]
        subject = {"package": "install", "sysctl": "load", "user": "user"}.get(subject, subject)
        assert any(subject.split(".")[0] in line for line in named), (word, named)
