"""Every template against literal files that were checked by hand, byte for byte."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from rendering import render_everything, stack
from unit_settings import make, problems

from xnai.settings.checks import image
from xnai.settings.model import Settings
from xnai.stack.catalogue import services, tools
from xnai.templating.render import MANAGED_BY, TEMPLATES

HERE = Path(__file__).parent
AUTHORITY = str(HERE / "Corp CA (2026).pem")
PROFILES: dict[str, Settings] = {
    # The shipped settings on a machine of 16 GiB.
    "workstation_16_gib": make(16777216),
    # A small machine with an explicit user, behind a mirror and an inspecting proxy.
    "behind_a_mirror_4_gib": make(
        4112284,
        stack_name="mine",
        stack_user="me",
        base_image="docker.io/library/python:3.13-slim",
        registry_mirrors={
            "docker.io": {"location": "10.0.2.2:5000", "insecure": True},
            "quay.io": {"location": "mirror.example/quay"},
        },
        extra_ca_certificates=[AUTHORITY],
        package_index_url="http://10.0.2.2:3141/simple",
        proxy_url="http://proxy.example:3128",
        proxy_exceptions=["10.0.2.2", ".home.arpa"],
        netrc_file="/etc/xnai-netrc",
        registry_auth_file="/etc/xnai-registries.json",
        debian_mirror_url="http://mirror.example",
        wheelhouse_dir="/srv/wheels",
        browser_hosts=["localhost", "box.home.arpa"],
        llm_model_file="/srv/models/larger.gguf",
        crawler_allowed_domains=["example.org", "kernel.org"],
        awq_image=True,
        redis_publish_loopback=True,
        redis_port=16379,
        vm_swappiness=100,
        zram_compression_algorithm="lz4",
        zram_size_pct_of_ram=100,
        zram_swap_priority=50,
    ),
}


def golden(profile: str) -> dict[str, str]:
    """The expected texts of `profile` by path below templates/, without .j2."""
    root = HERE / profile
    return {
        str(path.relative_to(root)): path.read_text("utf-8")
        for path in root.rglob("*") if path.is_file()
    }


@cache
def rendered(profile: str) -> dict[str, str]:
    """Every file of `profile` as it is rendered now."""
    return render_everything(PROFILES[profile])


@pytest.mark.parametrize(
    ("profile", "file"), [(profile, file) for profile in PROFILES for file in golden(profile)]
)
def test_as_expected_byte_for_byte(profile, file):
    wanted, found = golden(profile)[file], rendered(profile).get(file, "")
    if found != wanted:
        lines = difflib.unified_diff(
            wanted.splitlines(), found.splitlines(), "expected", "rendered", lineterm=""
        )
        pytest.fail(f"{profile}/{file}:\n" + "\n".join(lines), pytrace=False)


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_is_rendered_that_is_not_compared(profile):
    assert set(rendered(profile)) == set(golden(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_template_is_compared(profile):
    # A name with an underscore is a part of others.
    templates = {
        str(path.relative_to(TEMPLATES))[:-3]
        for path in TEMPLATES.rglob("*.j2") if not path.name.startswith("_")
    }
    assert set(golden(profile)) == templates
    assert all(path.suffix == ".j2" for path in TEMPLATES.rglob("*") if path.is_file())


@pytest.mark.parametrize("profile", PROFILES)
def test_every_file_carries_the_header_and_ends_with_one_newline(profile):
    for path, text in golden(profile).items():
        assert MANAGED_BY in "\n".join(text.splitlines()[:2]), path
        assert text.endswith("\n") and not text.endswith("\n\n"), path
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), path
        # Podman's own formats look like a template's: {{.Id}}.
        assert not re.search(r"\{\{(?!\.)|\{%", text), path


def compose_of(settings: Settings, part: str = "") -> dict[str, Any]:
    """A compose file as its reader sees it."""
    found = yaml.safe_load(stack(settings).files[part].text)
    assert isinstance(found, dict)
    return found


def check_compose(settings: Settings) -> None:
    """What must hold for any settings' compose files."""
    for part in stack(settings).files:
        check_part(settings, part)


def check_part(settings: Settings, part: str) -> None:
    """What must hold for one of them."""
    compose = compose_of(settings, part)
    wanted = [service for service in services(settings) if service.part == part]
    assert compose["name"] == "_".join(filter(None, (settings.stack_name, part)))
    by_hand = () if part else tools(settings)
    assert list(compose["services"]) == [one.name for one in (*wanted, *by_hand)]
    earlier: set[str] = set()
    for service in wanted:
        entry = compose["services"][service.name]
        assert entry["container_name"] == service.container_name
        assert image(entry["image"]) == entry["image"]
        own = entry["image"].startswith("localhost/")
        assert entry["pull_policy"] == ("never" if own else "missing")
        assert entry["healthcheck"]["test"][0] == "CMD" and len(entry["healthcheck"]["test"]) > 1
        assert re.fullmatch(r"[1-9][0-9]*m", entry["mem_limit"])
        assert int(entry["mem_limit"][:-1]) == service.memory.limit_mib
        reserved = int(entry.get("mem_reservation", "0m")[:-1])
        assert reserved == service.memory.reservation_mib
        assert entry["cap_drop"] == ["ALL"]
        assert entry["read_only"] is True
        assert entry["security_opt"] == ["no-new-privileges:true"]
        assert entry["restart"] == "unless-stopped"
        assert entry["logging"] == {"driver": "journald"}
        assert entry["init"] is True
        uid, gid = entry["user"].split(":")
        assert int(uid) > 0 and int(gid) > 0
        assert entry["labels"]["io.xnai.stack"] == settings.stack_name
        assert re.fullmatch("[0-9a-f]{16}", entry["labels"]["io.xnai.config"])
        for port in entry.get("ports", []):
            assert re.fullmatch(r"127\.0\.0\.1:[0-9]+:[0-9]+", port)
        assert set(entry.get("depends_on", {})) <= earlier
        for condition in entry.get("depends_on", {}).values():
            assert condition == {"condition": "service_healthy"}
        for volume in entry.get("volumes", []):
            # A path of the host is only ever read.
            assert volume.split(":")[0] in compose["volumes"] or volume.endswith(":ro")
        for secret in entry.get("secrets", []):
            assert secret["source"] in compose["secrets"]
            assert secret["mode"] == "0400"
            assert f"{secret['uid']}:{secret['gid']}" == entry["user"]
        for name in set(entry.get("environment", {})) - {"LLM_CONTEXT_TOKENS"}:
            # A secret is named by its file.
            hides = name.endswith("_FILE") or name == "VIKUNJA_KEYVALUE_TYPE"
            assert hides or not re.search("PASS|SECRET|TOKEN|KEY", name)
        assert entry["networks"] == list(service.networks)
        # An internal network publishes nothing.
        assert not entry.get("ports") or settings.stack_name in entry["networks"]
        assert "privileged" not in entry and "build" not in entry and "env_file" not in entry
        earlier.add(service.name)
    for tool in by_hand:
        entry = compose["services"][tool.name]
        assert entry["profiles"] == [tool.profile]
        # The boot unit and the deploy know their own by these; a person's run is not theirs.
        assert "labels" not in entry and "container_name" not in entry
        assert entry["network_mode"] == "none" and "networks" not in entry
        assert entry["mem_limit"] == f"{tool.memory_limit_mib}m"
        assert entry["restart"] == "no"
        assert {volume.split(":")[0] for volume in entry["volumes"]} <= set(compose["volumes"])
    # What keeps a container in its place holds for every one of them, whatever makes it run.
    for name, entry in compose["services"].items():
        assert entry["cap_drop"] == ["ALL"], name
        assert entry["security_opt"] == ["no-new-privileges:true"], name
        assert (entry["read_only"], entry["init"]) == (True, True), name
        assert entry["logging"] == {"driver": "journald"}, name
        assert "privileged" not in entry and "devices" not in entry, name
        assert int(entry["user"].split(":")[0]) > 0 and int(entry["mem_limit"][:-1]) > 0, name
    # A secret's value lives on the host alone: the file only names it.
    assert all(secret == {"external": True} for secret in compose["secrets"].values())
    used = {s["source"] for e in compose["services"].values() for s in e.get("secrets", [])}
    assert used == set(compose["secrets"])
    # The deploy makes them: with their owners, and one network is without a way out.
    made = [*compose["networks"].values(), *compose.get("volumes", {}).values()]
    assert all(item == {"external": True} for item in made)
    networks = {name for e in compose["services"].values() for name in e.get("networks", [])}
    assert networks == set(compose["networks"])


@pytest.mark.parametrize("profile", PROFILES)
def test_compose_file(profile):
    check_compose(PROFILES[profile])


@effort(max_examples=10, deadline=None)
@given(
    st.from_regex(r"[a-z][a-z0-9]{0,19}", fullmatch=True).filter(
        lambda name: not problems(stack_name=name)
    ),
    st.booleans(),
    # 3456, 8000 and their like are other services'.
    st.integers(1024, 65535).filter(
        lambda port: not problems(redis_publish_loopback=True, redis_port=port)
    ),
)
def test_compose_file_of_any_stack(name, publish, port):
    check_compose(make(stack_name=name, redis_publish_loopback=publish, redis_port=port))


def test_redis_is_published_only_when_asked_for():
    assert "ports" not in compose_of(make())["services"]["redis"]
    asked = compose_of(make(redis_publish_loopback=True, redis_port=7000))
    assert asked["services"]["redis"]["ports"] == ["127.0.0.1:7000:6379"]


def test_the_config_hash_follows_whatever_a_container_is_made_from():
    def hashes(**changes: object) -> dict[str, str]:
        return stack(make(**changes)).config_hashes

    before = hashes()
    assert hashes() == before
    changed = hashes(redis_memory_limit_mib=300)
    assert changed["redis"] != before["redis"]
    assert changed["rag_api"] == before["rag_api"]
    changed = hashes(rag_api_port=9000)
    assert changed["rag_api"] != before["rag_api"]
    assert changed["redis"] == before["redis"]


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
@pytest.mark.parametrize("profile", PROFILES)
def test_xnai_podman_parses(profile, shell):
    script = HERE / profile / "containers/xnai-podman"
    subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.parametrize("name", ["containers/xnai-podman", "images/build.sh"])
@pytest.mark.parametrize("profile", PROFILES)
def test_shell_scripts_are_clean(profile, name):
    script = HERE / profile / name
    shellcheck = Path(sys.executable).parent / "shellcheck"
    subprocess.run([str(shellcheck), "--shell=dash", str(script)], check=True)


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize(
    ("uid", "argv"),
    [
        ("0", ["runuser", "-u", "xnai", "--", "podman", "ps", "--format", "a b"]),
        ("2000", ["podman", "ps", "--format", "a b"]),
    ],
)
def test_xnai_podman_runs_podman_as_the_stacks_user(tmp_path, shell, uid, argv):
    text = (HERE / "workstation_16_gib/containers/xnai-podman").read_text("utf-8")
    # env -i leaves no PATH of ours: the one that the script sets is extended instead.
    text = text.replace("PATH=/usr/local/bin", f"PATH={tmp_path}:/usr/local/bin")
    for name in ("podman", "runuser"):
        (tmp_path / name).write_text(
            f'#!/bin/sh\nfor a in {name} "$@"; do printf "%s\\n" "$a"; done\n'
            'echo "--"; pwd; env | sort\n'
        )
        (tmp_path / name).chmod(0o755)
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {uid}\n")
    (tmp_path / "id").chmod(0o755)
    done = subprocess.run(
        [shell, "-c", text, "xnai-podman", "ps", "--format", "a b"], capture_output=True,
        text=True, check=True, cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TERM": "xterm", "HOME": "/root", "ODD": "1"},
    )
    said, _, rest = done.stdout.partition("--\n/\n")
    if uid == "0":  # runuser's own -- is the first
        said, _, rest = done.stdout.rpartition("--\n/\n")
    assert said.splitlines() == argv
    environment = dict(line.split("=", 1) for line in rest.splitlines())
    for name in ("PWD", "OLDPWD", "SHLVL", "_", "PATH"):
        environment.pop(name, None)
    assert environment == {
        "HOME": "/home/xnai", "USER": "xnai", "LOGNAME": "xnai", "LANG": "C.UTF-8", "TERM": "xterm",
        "XDG_RUNTIME_DIR": "/run/user/2000",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/2000/bus",
    }


@pytest.mark.parametrize("named", [True, False])
def test_only_a_deploys_pulls_and_builds_are_told_of_the_proxy(tmp_path, named):
    text = (HERE / "behind_a_mirror_4_gib/containers/xnai-podman").read_text("utf-8")
    text = text.replace("PATH=/usr/local/bin", f"PATH={tmp_path}:/usr/local/bin")
    programs = {
        "id": "echo 0", "podman": 'echo "podman $*"; env', "runuser": 'shift 3; exec "$@"',
    }
    for name, code in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "environment").write_text("export https_proxy='http://u:p%2F@proxy:1'\n")
    done = subprocess.run(
        ["dash", "-c", text, "xnai-podman", "pull", "a b"], capture_output=True, text=True,
        check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
        | ({"XNAI_NETWORK": str(tmp_path)} if named else {}),
    )
    assert "podman pull a b" in done.stdout
    assert ("https_proxy=http://u:p%2F@proxy:1" in done.stdout) == named
    assert "XNAI_NETWORK" not in done.stdout


def test_xnai_podman_refuses_anybody_else(tmp_path):
    text = (HERE / "behind_a_mirror_4_gib/containers/xnai-podman").read_text("utf-8")
    (tmp_path / "id").write_text("#!/bin/sh\necho 1234\n")
    (tmp_path / "id").chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", text, "xnai-podman", "ps"], capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert done.returncode == 1
    assert done.stderr == "xnai-podman: run as root (sudo xnai-podman ...) or as me\n"
