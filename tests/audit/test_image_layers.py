"""What each layer adds: the engines' own forms, and what is not there."""

from __future__ import annotations

import json
import shutil

import pytest

from xnai.audit.engine import audit
from xnai.audit.image_contents import Contents, of_host
from xnai.audit.image_layers import ImageLayer, asked, parsed
from xnai.audit.options import Options

# As podman 5.4.2 prints it with --format json, and Docker 28 with '{{json .}}' --human=false.
PODMAN = [
    {"id": "<missing>", "created": "2026-11-30T08:14:11Z", "Created": "2026-11-30T08:14:11Z",
     "CreatedBy": "/bin/sh -c #(nop) CMD [\"python\", \"/app/app.py\"]", "size": 0},
    {"id": "b1", "CreatedBy": "/bin/sh -c pip install --no-cache-dir  -r requirements.txt",
     "size": 52428800, "comment": "FROM 7d1"},
    {"id": "a0", "CreatedBy": "|1 X=1 /bin/sh -c #(nop) ADD file:1 in / ", "size": 78643200},
]
DOCKER = [
    {"ID": "<missing>", "CreatedBy": "RUN /bin/sh -c apt-get update # buildkit",
     "Size": "31457280", "Comment": "buildkit.dockerfile.v0"},
    {"ID": "<missing>", "CreatedBy": "/bin/sh -c #(nop) ADD file:1 in / ", "Size": "1048576"},
]


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Put a false engine on PATH that has one image, `NAME:latest`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "sed", "cat", "sleep", "make", "ldd", "prlimit"):
        (folder / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, said: str, image: str = "localhost/app:latest") -> None:
        (folder / "said").write_text(said)
        (folder / name).write_text(
            f'#!/bin/sh\necho "$@" >> {folder}/calls\n'
            f'case $1 in\nimages) echo {image}; echo "<none>:<none>";;\n'
            f"history) cat {folder}/said;;\n*) exit 1;;\nesac\n"
        )
        (folder / name).chmod(0o755)

    put.calls = folder / "calls"
    return put


def test_podmans_list_from_the_lowest_up(engine):
    engine("podman", json.dumps(PODMAN, indent=2))
    assert asked("podman", ["localhost/app:latest"]) == {"localhost/app:latest": (
        ImageLayer(78643200, "ADD file:1 in /"),
        ImageLayer(52428800, "pip install --no-cache-dir -r requirements.txt"),
        ImageLayer(0, 'CMD ["python", "/app/app.py"]'),
    )}
    assert set(engine.calls.read_text().split("\n")) == {
        "images --format {{.Repository}}:{{.Tag}}", "",
        "history --no-trunc --human=false --format json localhost/app:latest"}


def test_dockers_lines(engine):
    engine("docker", "\n".join(map(json.dumps, DOCKER)), "app:latest")
    assert asked("docker", ["app:latest"])["app:latest"] == (
        ImageLayer(1048576, "ADD file:1 in /"),
        ImageLayer(31457280, "RUN /bin/sh -c apt-get update"))


@pytest.mark.parametrize("said", ["", "[", "[]", "no",
                                  '[{"id": "x"}]', '[{"size": "much"}]', "[1]"])
def test_what_cannot_be_read_is_left_out(engine, said):
    engine("podman", said)
    assert asked("podman", ["localhost/app:latest"]) == {}


def test_a_list_that_was_cut_off_is_left_out():
    assert parsed(["image", "a:1", ' [{"size": 1, "CreatedBy": "x"}]']) == {}


def table(root, options):
    return next((one for one in audit(root, options).metrics
                 if one.title == "What each layer adds"), None)


def test_the_table_has_each_dockerfile(tree, tmp_path, engine):
    engine("podman", json.dumps(PODMAN))
    tree({
        "compose.yml": "services:\n  a: {build: ., image: app}\n  b: {build: b, image: other:2}\n",
        "Dockerfile": "FROM x:1\nRUN --mount=type=cache,target=/c pip install -r r.txt\n",
        "b/Dockerfile": "FROM x:1\n", "c/Dockerfile": "FROM x:1\n",
    })
    options = Options(tools=False, images=Contents("podman"))
    assert table(tmp_path, options).rows == (
        ("Dockerfile", "app", "all", "125.0", "3 layers"),
        ("", "", "1", "75.0", "ADD file:1 in /"),
        ("", "", "2", "50.0", "pip install --no-cache-dir -r requirements.txt"),
        ("b/Dockerfile", "other:2", "", "", "not measured: not in podman"),
        ("c/Dockerfile", "", "", "", "not measured: no image named in the tree"),
    )
    assert table(tmp_path, Options(tools=False, images=Contents(""))) is None


def test_a_hosts_store_is_asked_by_the_host_alone(tree, tmp_path, engine):
    # As `xnai audit --host` finds it: the images are built already, a directory each.
    tree({"stack/docker-compose.yml": "services: {a: {image: 'localhost/xnai_app:0a1b'}}\n",
          "build/app/Dockerfile": "FROM x:1\n"})
    layers = {"localhost/xnai_app:0a1b": (ImageLayer(2**21, "COPY . /app"),)}
    options = Options(tools=False, images=of_host("desk", {}, layers))
    assert table(tmp_path, options).rows[1] == ("", "", "1", "2.0", "COPY . /app")
    assert not engine.calls.exists()


def test_an_image_that_was_not_there_is_asked_for_again(tree, tmp_path, engine, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)
    tree({"x/compose.yml": "services: {a: {build: ., image: app}}\n",
          "x/Dockerfile": "FROM x:1\n"})
    engine("podman", json.dumps(PODMAN), "localhost/other:latest")
    before = table(tmp_path / "x", Options(tools=False, images=Contents("podman")))
    assert before.rows == (("Dockerfile", "app", "", "", "not measured: not in podman"),)
    engine("podman", json.dumps(PODMAN))
    after = table(tmp_path / "x", Options(tools=False, images=Contents("podman")))
    assert after.rows[0] == ("Dockerfile", "app", "all", "125.0", "3 layers")
