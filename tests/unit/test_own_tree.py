"""What the settings say of the user's own tree, in service, image and compose file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from rendering import stack
from unit_settings import make, problems

from xnai.images.model import CopiedPath
from xnai.images.tree import _selected
from xnai.stack.catalogue import dockerfiles, images, services, source_misfits
from xnai.stack.drift import configuration

# No checkout of git: every file of it counts.
_TREE = tempfile.TemporaryDirectory()
(Path(_TREE.name) / "app").mkdir()
(Path(_TREE.name) / "app" / "main.py").write_text("print()\n")
(Path(_TREE.name) / "requirements.txt").touch()
SOURCE = {
    "context": _TREE.name, "copy": ["app"], "requirements": "requirements.txt",
    "environment": {"PYTHONPATH": "/app/lib", "MODE": "quick"},
    "environment_secrets": {"REDIS_PASSWORD": "redis_password", "INGEST": "ingest_token"},
    "tmpfs": ["/app/.files", "/tmp:size=64m"],
    "volumes": ["cache:/app/cache", "/srv/models:/models:ro"],
    "working_directory": "/app/app",
    "aliases": ["rag", "rag.local"],
    "health": {"url": "http://127.0.0.1:8000/health", "interval_s": 60, "timeout_s": 10,
               "retries": 5, "start_period_s": 120},
    "restart": "on-failure",
    "cpus": 1.5,
    "exclude": ["app/old", "*.ipynb"],
}


def own(**changes):
    """The settings with such a crawler."""
    return make(service_sources={"crawler": SOURCE | changes})


def crawler(settings):
    (found,) = (service for service in services(settings) if service.name == "crawler")
    return found


def test_the_service():
    settings = own()
    found, reference = crawler(settings), crawler(make())
    environment = dict(found.environment)
    # What the health check needs stays; of what is not named all is as before.
    assert environment["PYTHONPATH"] == "/app/lib:/opt/common"
    assert environment["REDIS_HOST"] == "redis" and environment["MODE"] == "quick"
    assert found.secret_environment == (
        ("REDIS_PASSWORD", "xnai_redis_password"), ("INGEST", "xnai_ingest_token"),
    )
    # As a file too, once: by that a container with an old value is found.
    assert [one.secret for one in found.secrets] == [
        "xnai_redis_password", "xnai_ingest_token",
    ]
    assert found.tmpfs == ("/app/.files", "/tmp:size=64m")
    assert found.volumes == (*reference.volumes, ("xnai_crawler_cache", "/app/cache"))
    assert found.binds == (("/srv/models", "/models"),)
    assert found.health_command == (
        "python", "-m", "service_common.http_health", "http://127.0.0.1:8000/health",
    )
    assert configuration(found).restart == "on-failure" and configuration(found).cpus == 1.5


def test_the_compose_file():
    text = stack(own()).files[""].text
    content = yaml.safe_load(text)
    entry = content["services"]["crawler"]
    assert entry["working_dir"] == "/app/app" and entry["cpus"] == "1.5"
    assert entry["networks"] == {"xnai": {"aliases": ["rag", "rag.local"]}, "xnai_data": {}}
    assert {"source": "xnai_redis_password", "target": "REDIS_PASSWORD", "type": "env"} in (
        entry["secrets"]
    )
    assert entry["healthcheck"] | {"test": 0} == {
        "test": 0, "interval": "60s", "timeout": "10s", "retries": 5, "start_period": "120s",
    }
    assert {"xnai_ingest_token", "xnai_redis_password"} <= set(content["secrets"])
    assert content["volumes"]["xnai_crawler_cache"] == {"external": True}
    assert stack(own()).volumes["xnai_crawler_cache"] == "10001:10001"
    # Another service's entry, and so its container, stays what it is.
    assert content["services"]["redis"] == yaml.safe_load(stack(make()).files[""].text)[
        "services"]["redis"] | {"labels": content["services"]["redis"]["labels"]}


def test_the_image_owns_the_places_of_its_volumes():
    settings = own()
    (image,) = (one for one in images(settings) if one.name == "crawler")
    assert image.directories == ("/app/cache",)
    assert image.copies[-1].exclude == ("app/old", "*.ipynb")
    assert "-m 0750 /app/cache" in dockerfiles(settings)["Dockerfile.crawl"]
    assert "/app/cache" not in dockerfiles(make())["Dockerfile.crawl"]


def test_what_is_excluded_is_not_selected(tmp_path):
    for name in ("app/main.py", "app/old/a.py", "app/note.ipynb", "app/older.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = _selected(CopiedPath(tmp_path, "app", "app", ("app/old", "*.ipynb")))
    assert sorted(found) == ["app/main.py", "app/older.py"]


def test_what_does_not_fit_the_stack_is_named():
    settings = own(environment_secrets={"X": "no_such"}, aliases=["redis", "rag"])
    unknown, taken = source_misfits(settings, "hosts.py:3")
    assert unknown.startswith(
        "service_sources['crawler']['environment_secrets'] = {'X': 'no_such'} (hosts.py:3): the "
        "stack has the secrets "
    )
    assert "redis_password" in unknown
    assert taken == (
        "service_sources['crawler']['aliases'] has 'redis' (hosts.py:3): that is a name of redis"
    )
    assert source_misfits(own(), "hosts.py:3") == []


PLACES = st.from_regex(r"/(app|data|var)/[a-z]{1,8}", fullmatch=True)


@effort(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), PLACES, max_size=3),
    st.lists(PLACES, max_size=3, unique=True),
    st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z]", fullmatch=True), max_size=3),
)
def test_whatever_passes_the_check_is_rendered_as_it_was_meant(volumes, tmpfs, aliases):
    source = SOURCE | {
        "volumes": [f"{name}:{path}" for name, path in volumes.items()], "tmpfs": tmpfs,
        "aliases": aliases,
    }
    if problems(service_sources={"crawler": source}):
        return  # two things at a place
    entry = yaml.safe_load(stack(make(service_sources={"crawler": source})).files[""].text)[
        "services"]["crawler"]
    mounted = [item.split(":") for item in entry["volumes"]]
    assert {path for _, path, *_ in mounted} == {"/library", *volumes.values()}
    assert set(tmpfs) <= set(entry["tmpfs"])
    assert (entry["networks"]["xnai"]["aliases"] if aliases else []) == aliases
