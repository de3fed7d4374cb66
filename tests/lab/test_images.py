"""Images on a real machine: what is rebuilt, what fails, what is left behind."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest

from xnai.lab.deploying import ROOT, deploy, environment, pyinfra_argv

pytestmark = pytest.mark.lab

SECRET = "correct horse battery staple 4711"  # noqa: S105  (no secret: it is looked for)


class Tree:
    """A checkout of one reference service's files, and the group_data that names it."""

    def __init__(self, directory, name: str, copy: tuple[str, ...]) -> None:
        self.directory = directory / name
        self.name = name
        self.copy = copy
        reference = ROOT / "files/services" / name
        tracked = subprocess.run(
            ["git", "-C", str(reference), "ls-files", *copy, "requirements.txt"],
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for path in tracked:
            (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(reference / path, self.directory / path)
        self.git("init", "-q")
        self.git("add", "-f", ".")

    def git(self, *words: str) -> None:
        subprocess.run(["git", "-C", str(self.directory), *words], check=True, capture_output=True)

    def words(self, **changes: object) -> tuple[str, ...]:
        """The words of a command line that make the service of this tree."""
        group_data = self.directory.parent / "group_data"
        group_data.mkdir(exist_ok=True)
        source = {
            "context": str(self.directory), "copy": list(self.copy),
            "requirements": "requirements.txt",
        } | changes
        text = f'__all__ = ["service_sources"]\nservice_sources = {{{self.name!r}: {source!r}}}\n'
        # A file of its own name each time: pyinfra keeps a file's code by its path.
        (group_data / "lab.py").write_text(text)
        return ("--group-data", str(group_data))


@pytest.fixture
def crawler(tmp_path):
    """The crawler's files in a tree of their own."""
    return Tree(tmp_path, "crawler", ("crawler",))


def container_ids(machine) -> dict[str, str]:
    """Name -> ID of the running containers."""
    said = machine.run("xnai-podman ps --no-trunc --format '{{.Names}} {{.ID}}'").stdout
    return dict(line.split() for line in said.splitlines())


def image_names(machine) -> set[str]:
    """The named images of the store."""
    said = machine.run("xnai-podman images --format '{{.Repository}}:{{.Tag}}'").stdout
    return set(said.split())


def left_behind(machine) -> dict[str, object]:
    """Anonymous volumes, images without a name, and the size of the build caches in MiB."""
    volumes = machine.run("xnai-podman volume ls --format '{{.Name}}'").stdout.split()
    nameless = machine.run("xnai-podman images --quiet --filter dangling=true").stdout.split()
    # The directory's size before buildah's first build is nothing.
    size = machine.run("du -scm /var/tmp/buildah-cache-* 2>/dev/null | tail -n 1 | cut -f 1").stdout
    return {
        "anonymous": [name for name in volumes if len(name) == 64],
        "nameless": nameless,
        "cache_mib": int(size.strip() or 0),
    }


def test_the_same_files_in_another_tree_are_no_change(deployed, crawler):
    outcome = deploy(deployed, *crawler.words())
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


def test_a_services_code_changed_rebuilds_that_service_alone(deployed, crawler):
    before = container_ids(deployed)
    ran = deployed.run("xnai-podman ps --format '{{.Image}}' --filter name=xnai_crawler").stdout
    with (crawler.directory / "crawler/__main__.py").open("a") as file:
        file.write("# changed\n")
    started = time.monotonic()
    outcome = deploy(deployed, *crawler.words())
    print(f"\none service's code changed: {time.monotonic() - started:.1f} s", flush=True)
    assert outcome.code == 0, outcome.log
    built = [name for name in outcome.changed if name.startswith("images: build localhost")]
    assert len(built) == 1 and built[0].startswith("images: build localhost/xnai_crawler:")
    assert built[0].endswith("(files changed)")
    # Its steps were told while it was built.
    assert "crawler: " in outcome.log and "COMMIT localhost/xnai_crawler:" in outcome.log
    after = container_ids(deployed)
    assert {name for name in after if after[name] != before.get(name)} == {"xnai_crawler"}
    # The generation before is still there to go back to.
    assert ran.strip() in image_names(deployed)
    assert deploy(deployed, *crawler.words()).changed == ()
    back = deploy(deployed)
    assert back.code == 0, back.log
    assert not [name for name in back.changed if "build localhost" in name]  # it was kept
    assert deploy(deployed).changed == ()


@pytest.mark.family("build")
def test_nothing_of_a_tracked_secret_is_sent(deployed, crawler):
    (crawler.directory / "crawler/.env").write_text(f"PASSWORD={SECRET}\n")
    crawler.git("add", "-f", ".")
    outcome = deploy(deployed, *crawler.words())
    assert outcome.code != 0
    assert f"{crawler.directory}/crawler/.env: looks like a secret" in outcome.log
    # Tracked, and not among what is copied: built, and in no layer and no context.
    (crawler.directory / "crawler/.env").unlink()
    (crawler.directory / ".env").write_text(f"PASSWORD={SECRET}\n")
    with (crawler.directory / "crawler/__main__.py").open("a") as file:
        file.write("# with a secret beside it\n")
    crawler.git("add", "-f", ".")
    outcome = deploy(deployed, *crawler.words())
    assert outcome.code == 0, outcome.log
    found = deployed.run(
        f"grep -rlF '{SECRET}' /home/xnai/.local/share/containers/storage/overlay "
        "/var/lib/xnai /var/tmp 2>/dev/null || :"
    ).stdout
    assert found == ""
    seen = deployed.run(
        "grep -rlF 'with a secret beside it' /home/xnai/.local/share/containers/storage/overlay "
        "/var/lib/xnai | head -1"
    ).stdout
    assert seen  # so the search does find what was sent
    assert deploy(deployed).code == 0


@pytest.mark.family("build")
def test_a_failed_build_leaves_the_running_stack_alone(deployed, tmp_path):
    docs = Tree(tmp_path, "docs", ("mkdocs.yml", "docs"))
    with (docs.directory / "docs/index.md").open("a") as file:
        file.write("\n[nowhere](no-such-page.md)\n")
    before, images = container_ids(deployed), image_names(deployed)
    outcome = deploy(deployed, *docs.words(copy=["mkdocs.yml", "docs"]))
    assert outcome.code != 0
    assert "docs: was not built. The end of /var/lib/xnai/xnai/build/docs.log:" in outcome.log
    assert "no-such-page.md" in outcome.log
    assert (container_ids(deployed), image_names(deployed)) == (before, images)
    assert deploy(deployed).changed == ()


@pytest.mark.family("build")
def test_disk_that_fills_up_during_a_build_fails_and_leaves_the_stack_running(deployed):
    free_kib = int(deployed.run("df --output=avail / | tail -1").stdout)
    process = subprocess.Popen(
        # Another user inside the images: all must be rebuilt.
        pyinfra_argv("--data", "container_uid=10002"), cwd=ROOT, env=environment(deployed),
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if "Starting operation: images: build" in line and len(said) and "base" in line:
            deployed.run(f"fallocate -l {(free_kib - 20 * 1024) * 1024} /filler", check=False)
    assert process.wait() != 0
    assert "no space left on device" in "".join(said).lower(), "".join(said)
    running = deployed.run("xnai-podman ps --format '{{.Names}}' | sort").stdout.split()
    assert running == [
        "xnai_chainlit_ui", "xnai_crawler", "xnai_curation_worker", "xnai_docs", "xnai_llm",
        "xnai_rag_api", "xnai_redis", "xnai_vikunja", "xnai_vikunja_db",
    ]
    deployed.run("rm -f /filler")
    time.sleep(1)
    # What was built before the disk was full has no container: it is removed, and no more.
    outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    assert all(name.startswith("images: remove") for name in outcome.changed), outcome.log
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


@pytest.mark.family("tree that cannot build")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"context": "/no/such/tree"}, "no such directory"),
        ({"copy": ["crawler", "nothing"]}, "names 'nothing'"),
        ({"copy": ["../crawler"]}, "'../crawler' leads out of it"),
        ({"requirements": "loose.txt"}, "loose.txt:1: 'redis>=5' is not pinned with =="),
        ({"requirements": "absent.txt"}, "absent.txt:1: "),
    ],
)
def test_a_tree_that_cannot_build_is_refused_before_anything_is_done(
    deployed, crawler, change, said
):
    (crawler.directory / "loose.txt").write_text("redis>=5\n")
    (crawler.directory / "absent.txt").write_text(f"redis==99.0 --hash=sha256:{'a' * 64}\n")
    crawler.git("add", ".")
    before, images = container_ids(deployed), image_names(deployed)
    outcome = deploy(deployed, *crawler.words(**change))
    assert (outcome.code != 0, outcome.changed) == (True, ()), outcome.log
    assert said in outcome.log
    assert (container_ids(deployed), image_names(deployed)) == (before, images)


def test_another_base_under_the_same_tag_would_rebuild_all_in_order(deployed):
    base = "docker.io/library/python:3.13-slim"
    own = deployed.run(f"xnai-podman image inspect --format '{{{{.Id}}}}' {base}").stdout.strip()
    deployed.run(
        f"mkdir -p /tmp/newer; printf 'FROM {base}\\nLABEL newer=yes\\n' > /tmp/newer/Dockerfile; "
        f"xnai-podman build --quiet --tag {base} /tmp/newer"
    )
    try:
        done = subprocess.run(
            # Without -y, which leaves the plan out.
            [word for word in pyinfra_argv("--dry") if word != "-y"], cwd=ROOT,
            env=environment(deployed), text=True, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        planned = done.stdout
        assert "xnai_base:" in planned and f"({base} was replaced)" in planned
        assert planned.index("xnai_base:") < planned.index("xnai_build:")
        assert planned.index("xnai_build:") < planned.index("xnai_rag_api_packages:")
    finally:
        newer = deployed.run(f"xnai-podman image inspect --format '{{{{.Id}}}}' {base}").stdout
        deployed.run(f"xnai-podman tag {own} {base}; xnai-podman rmi {newer.strip()}")
    assert deploy(deployed).changed == ()


def test_nothing_that_compiles_was_added(deployed):
    """Compared with the base image's own files."""
    # os-release is in all of them: so the search does see the images.
    patterns = (
        "os-release", "*.h", "*.hpp", "cc1*", "gcc*", "g++*", "clang*", "c++*", "rustc", "ld", "as",
    )
    names = " -o ".join(f"-name '{pattern}'" for pattern in patterns)
    ours = deployed.run("xnai-podman ps --format '{{.Image}}'").stdout.split()
    own = [name for name in ours if name.startswith("localhost/xnai_")]
    assert len(own) == 6
    found = {}
    for image in ("docker.io/library/python:3.13-slim", *own):
        said = deployed.run(
            f"xnai-podman unshare sh -c 'cd $(podman image mount {image}) && "
            f"find . -type f \\( {names.replace(chr(39), chr(34))} \\)'"
        ).stdout
        found[image] = set(said.split())
    base, *rest = found.values()
    assert any(path.endswith("/os-release") for path in base)
    assert all(files >= base for files in rest)
    assert [files - base for files in rest] == [set()] * len(rest)


@pytest.mark.family("build")
def test_rebuilds_and_recreations_leave_nothing_behind(deployed, crawler, rounds):
    for number in range(2 * rounds):
        with (crawler.directory / "crawler/__main__.py").open("a") as file:
            file.write(f"# {number}\n")
        outcome = deploy(deployed, *crawler.words())
        assert outcome.code == 0, outcome.log
        deployed.run("xnai-podman rm --force xnai_docs")
        assert deploy(deployed, *crawler.words()).code == 0
    found = left_behind(deployed)
    assert found["anonymous"] == found["nameless"] == []
    assert found["cache_mib"] <= 2048
    ours = [n for n in image_names(deployed) if n.startswith("localhost/xnai_crawler:")]
    # What runs, and the generation before with its second name.
    assert len(ours) == 3 and "localhost/xnai_crawler:previous" in ours
    assert deploy(deployed).code == 0


@pytest.mark.drill_only
def test_a_machine_without_an_index_builds_from_its_wheelhouse(new_machine, tmp_path):
    machine = new_machine("offline")
    # With the machine's own Python, which is also the base image's: pip reads markers with its own.
    machine.run("apt-get update && apt-get install -y python3-venv && python3 -m venv /tmp/pip",
                timeout_s=300)
    locks = [ROOT / "files/podman-compose", *sorted((ROOT / "files/services").iterdir())]
    for lock in (path / "requirements.txt" for path in locks if path.name != "awq"):
        if lock.exists():
            machine.run("cat > /tmp/lock.txt", stdin=lock.read_text("utf-8"))
            machine.run(
                "/tmp/pip/bin/pip download --quiet --no-deps --require-hashes --only-binary :all: "
                "--cert /etc/ssl/certs/ca-certificates.crt --dest /srv/wheels -r /tmp/lock.txt",
                timeout_s=600,
            )
    machine.run("chmod -R a+rX /srv/wheels")
    # Nobody answers there: what comes, comes from the wheelhouse.
    machine.run("printf '127.0.0.1 pypi.org files.pythonhosted.org\\n' >> /etc/hosts")
    group_data = tmp_path / "group_data"
    group_data.mkdir()
    (group_data / "lab.py").write_text(
        '__all__ = ["package_index_url", "wheelhouse_dir"]\n'
        'package_index_url = None\nwheelhouse_dir = "/srv/wheels"\n'
    )
    outcome = deploy(machine, "--group-data", str(group_data))
    assert outcome.code == 0, outcome.log
    assert deploy(machine, "--group-data", str(group_data)).changed == ()
    states = json.loads(machine.run("xnai-podman ps --format json").stdout)
    assert len(states) == 9
    machine.down()
