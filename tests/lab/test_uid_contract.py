"""Redis and PostgreSQL with every start and every owner of their data, on rootless Podman.

Tried with Podman 5.4, a read-only root, no-new-privileges and all capabilities dropped but these:

| started               | empty         | restored (1)        | imported (2) | all root's   |
|-----------------------|---------------|---------------------|--------------|--------------|
| redis, as root        | SETGID SETUID | SETGID SETUID (3)   | and CHOWN    | and CHOWN    |
| redis, 999:999        | none          | none                | saves fail   | ends, denied |
| postgres, as root (4) | and CHOWN     | and DAC_READ_SEARCH | and CHOWN    | and CHOWN    |
| postgres, 999:999     | none          | none                | ends, owner  | ends, denied |

(1) Mounted once, so that Podman gave its top folder to the container's user, then filled.
(2) `podman volume import` into a volume that no container has mounted: the files get their owners,
the top folder stays root's, and Podman gives it away only while the volume is empty. Redis then
answers and reads, and saves nothing. Started as root, both mend that, and what is all root's.
(3) With an append-only file DAC_READ_SEARCH too: its folder has mode 0700, as PGDATA has, and
root without that capability may not look into it.
(4) PGDATA and the socket's folder are handed over in each start; CHOWN DAC_READ_SEARCH SETGID
SETUID are enough for every column. DAC_OVERRIDE, which Podman gives by default, serves in place of
DAC_READ_SEARCH.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import pytest

pytestmark = pytest.mark.lab  # `make test` runs what the compose files rely on, and one more

BASE = "--read-only --cap-drop=ALL --security-opt=no-new-privileges --network=none"
OWN = "--user=999:999"
STATES = ("empty", "restored", "imported", "wrong")
# Logging in to the machine takes as long as a podman process does: one script a case.
FUNCTIONS = """
set -u
answer() {
    for i in $(seq 60); do
        said=$(xnai-podman exec "$container" sh -c "$1" 2>/dev/null) && { echo "$said"; return; }
        running=$(xnai-podman inspect --format '{{.State.Running}}' "$container")
        [ "$running" = true ] || break
        sleep 0.3
    done
    xnai-podman logs "$container"
    exit 3
}
remove() {
    xnai-podman rm --force --time 0 --ignore "$container" >/dev/null
    for volume; do xnai-podman volume rm --force "$volume" >/dev/null; done
}
place() { xnai-podman volume inspect --format '{{.Mountpoint}}' "$1"; }
"""


@dataclass(frozen=True)
class Image:
    """How one image is started, read and written to."""

    name: str
    reference: str
    data: str
    caps: tuple[str, ...]
    start: str  # words after the reference
    options: str
    read: str  # prints how often `write` was called; fails until it is up
    write: str  # ends well when the row is on the disk


# ruff: noqa: S608  (no input: fixed text)
SQL = "psql --no-psqlrc -qtA -v ON_ERROR_STOP=1 -h 127.0.0.1 -U postgres -c"
REDIS = Image(
    "redis", "docker.io/library/redis:8.0", "/data", ("CHOWN", "SETGID", "SETUID"),
    start="redis-server --save 60 1", options="",
    read="redis-cli -e incrby rows 0",
    # A save in the background, as the stack's own: done when it says so.
    write="redis-cli -e incr rows && redis-cli -e bgsave && for i in 1 2 3 4 5 6 7 8 9; do "
    "redis-cli info persistence | grep -q ^rdb_bgsave_in_progress:0 && break; sleep 0.2; done; "
    "redis-cli info persistence | grep ^rdb_last_bgsave_status:ok",
)
POSTGRES = Image(
    "postgres", "docker.io/library/postgres:17", "/var/lib/postgresql/data",
    ("CHOWN", "DAC_READ_SEARCH", "SETGID", "SETUID"),
    start="", options="--env=POSTGRES_PASSWORD=only-for-this-test",
    read=f"{SQL} 'create table if not exists rows (n int); select count(*) from rows'",
    write=f"{SQL} 'insert into rows values (1); checkpoint'",
)


class Bench:
    """One image on one machine; everything that it makes has names of its own."""

    def __init__(self, machine, image: Image) -> None:
        self.machine = machine
        self.image = image
        self.container = f"uid_contract_{image.name}"
        self.archive = f"/var/tmp/{self.container}.tar"

    def script(self, text: str, *, check: bool = True):
        return self.machine.run(
            f"container={self.container}\n{FUNCTIONS}\n{text}", check=check, timeout_s=300
        )

    def run_words(self, volume: str, words: str) -> str:
        image = self.image
        return (
            f"--name {self.container} {BASE} {words} {image.options} "
            f"--volume {volume}:{image.data} {image.reference} {image.start}"
        )

    def volume(self, state: str) -> str:
        """A new volume: empty, restored, imported, or wrong (all of it root's)."""
        name = f"{self.container}_{state}"
        words = [f"xnai-podman volume create {name}"]
        if state == "restored":
            mount = f"--volume {name}:{self.image.data} --entrypoint true {self.image.reference}"
            words.append(f"xnai-podman run --rm {BASE} {OWN} {mount}")
        if state != "empty":
            words.append(f"xnai-podman volume import {name} {self.archive}")
        if state == "wrong":
            words.append(f"xnai-podman unshare chown -R 0:0 $(place {name})")
        self.script(" && ".join(words))
        return name

    def serves(self, volume: str, words: str, rows: int) -> None:
        """It comes up with so many rows, takes one more, and has it after a restart."""
        read, write = shlex.quote(self.image.read), shlex.quote(self.image.write)
        done = self.script(
            f"remove; xnai-podman run --detach {self.run_words(volume, words)} >/dev/null\n"
            f'answer {read}; xnai-podman exec "$container" sh -c {write} >&2 || exit 5\n'
            f'xnai-podman restart "$container" >/dev/null; answer {read}',
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.split() == [str(rows), str(rows + 1)]

    def ends(self, volume: str, words: str) -> str:
        """It ends by itself and not well; what it told."""
        done = self.script(
            f"remove; timeout 60 xnai-podman run --rm {self.run_words(volume, words)} 2>&1",
            check=False,
        )
        assert done.returncode not in (0, 124), done.stdout
        return done.stdout

    def owners(self, volume: str) -> set[str]:
        """The users that own what is in the volume, as the container sees them."""
        found = self.script(f"xnai-podman unshare find $(place {volume}) -printf '%U\\n' | sort -u")
        return set(found.stdout.split())

    def remove(self, *volumes: str) -> None:
        self.script(f"remove {' '.join(volumes)}", check=False)


@pytest.fixture(params=[REDIS, POSTGRES], ids=lambda image: image.name)
def bench(request, deployed):
    """An image, its data written once by 999:999 and kept as an archive."""
    made = Bench(deployed, request.param)
    image = made.image.reference
    had = deployed.run(f"xnai-podman image exists {image}", check=False).returncode == 0
    try:
        if not had:
            deployed.run(f"xnai-podman pull --quiet {image}", timeout_s=300)
        empty = made.volume("empty")
        made.serves(empty, OWN, 0)
        made.script(
            f'xnai-podman stop "$container" && '
            f"xnai-podman volume export --output {made.archive} {empty} && remove {empty}"
        )
        yield made
    finally:
        made.remove(*(f"{made.container}_{state}" for state in STATES))
        deployed.run(f"rm -f {made.archive}")
        if not had:
            deployed.run(f"xnai-podman rmi {image}", check=False)


@pytest.fixture
def volume(bench, request):
    """A volume in the state of the test's parameter, gone afterwards."""
    name = bench.volume(request.param)
    yield name
    bench.remove(name)


def least(bench: Bench, without: str = "") -> str:
    """The words of a start as root with the least capabilities, but for one."""
    return " ".join(f"--cap-add={cap}" for cap in bench.image.caps if cap != without)


def says_why(log: str) -> bool:
    """Whether it tells what was not allowed."""
    return any(x in log for x in ("ermission denied", "not permitted", "wrong ownership"))


@pytest.mark.parametrize("volume", ["restored"], indirect=True)
def test_as_its_own_user_without_capabilities(bench, volume):
    # The empty volume's case is the fixture itself.
    bench.serves(volume, OWN, 1)


@pytest.mark.parametrize("volume", ["wrong"], indirect=True)
def test_as_its_own_user_it_ends_where_it_may_not_read(bench, volume):
    assert says_why(bench.ends(volume, OWN))


@pytest.mark.family("owner of data")
@pytest.mark.parametrize("volume", ["imported"], indirect=True)
def test_as_its_own_user_in_a_folder_of_roots(bench, volume):
    if bench.image is POSTGRES:
        assert says_why(bench.ends(volume, OWN))
        return
    # Redis answers, and what it is told is lost: only its status says so.
    done = bench.script(
        f"xnai-podman run --detach {bench.run_words(volume, OWN)} >/dev/null\n"
        f"answer {shlex.quote(REDIS.read)}; "
        f'xnai-podman exec "$container" sh -c {shlex.quote(REDIS.write)} >/dev/null || echo lost\n'
        'xnai-podman logs "$container" >&2',
    )
    assert done.stdout.split() == ["1", "lost"]
    assert says_why(done.stderr)


# The restart finds the right owner everywhere, and a folder that is closed to root: no case apart.
@pytest.mark.family("owner of data")
@pytest.mark.parametrize("volume", ["empty", "wrong"], indirect=True)
def test_as_root_with_the_least_capabilities(bench, volume):
    bench.serves(volume, least(bench), 0 if volume.endswith("_empty") else 1)
    assert bench.owners(volume) == {"999"}


@pytest.mark.family("owner of data")
@pytest.mark.parametrize("volume", ["restored"], indirect=True)
def test_as_root_each_other_capability_is_needed_where_the_owner_is_right(bench, volume):
    for cap in (cap for cap in bench.image.caps if cap != "CHOWN"):
        assert says_why(bench.ends(volume, least(bench, without=cap))), cap


@pytest.mark.family("owner of data")
@pytest.mark.parametrize("volume", ["wrong"], indirect=True)
def test_as_root_it_ends_where_it_may_not_give_away(bench, volume):
    assert says_why(bench.ends(volume, least(bench, without="CHOWN")))
