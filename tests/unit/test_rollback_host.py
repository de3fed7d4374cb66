"""The rollback's program on the host, with a Podman in whose place a script keeps directories."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rendering import stack
from unit_settings import ROOT, make

from xnai.programs.backup import archive as backup_archive
from xnai.programs.backup import podman as backup_podman
from xnai.programs.backup import run as backup_run
from xnai.programs.rollback import record as records
from xnai.programs.rollback.bundle import bundle, make_spec
from xnai.programs.rollback.host import main
from xnai.programs.rollback.keep import KEPT
from xnai.programs.rollback.spec import RollbackSpec, containers, parse

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root's directories are wanted")

SETTINGS = make()
PLAN = stack(SETTINGS)
VOLUME = "xnai_redis_data"
DATABASE = "xnai_vikunja_db_data"
# State: states/<container>, volumes/<name>/_data, images/<reference> (its ID); calls: every argv.
PODMAN = r"""#!/bin/sh
# With the shell's own words where it has any: a process for each would be most of these tests.
cd "${0%/*}" || exit 1
echo "$@" >> calls
flat() { n=$1; while case $n in */*) ;; *) false ;; esac; do n=${n%%/*}_${n#*/}; done; }

[ ! -e fail ] || ! echo "$@" | grep -qf fail || { echo "told to fail" >&2; exit 125; }
first() { l=; read -r l < "$1" || [ -n "$l" ]; }
case "$1 $2" in
"ps --all") case "$*" in
    *volume=*) cat users 2>/dev/null || : ;;
    *) for c in states/*; do first "$c"; echo "${c#states/} $l"; done ;;
    esac ;;
"volume inspect") shift 4; for v; do echo "$v $PWD/volumes/$v/_data"; done ;;
"volume create") for last; do :; done; mkdir -p "volumes/$last/_data" ;;
"container inspect") case "$*" in
    *ExitCode*)
        shift 4; l=0; [ ! -e exit_code ] || first exit_code; for c; do echo "$c $l"; done ;;
    *) shift 4; for c; do first "made/$c" || exit 1; echo "$c $l"; done ;;
    esac ;;
"image exists") flat "$3"; [ -e "images/$n" ] ;;
"image inspect") flat "$5"; first "images/$n" || exit 1; echo "$l" ;;
"tag "*) flat "$3"; echo "$2" > "images/$n" ;;
unpause*|start*|stop*)
    case $1 in stop) s=exited ;; *) s=running ;; esac
    for c; do [ ! -e "states/$c" ] || echo $s > "states/$c"; done ;;
unshare*) shift; PATH=$PWD/bin:$PATH exec "$@" ;;
healthcheck*) first "states/$3"; [ "$l" = running ] ;;
run*|exec*) case "$*" in
    *redis-server*) echo "Redis server v=8.0.2 sha=0" ;;
    *postgres*--version) first pg_version; echo "postgres (PostgreSQL) $l" ;;
    *sh\ -c*) echo saved >> volumes/xnai_redis_data/_data/dump.rdb ;;
    esac ;;
esac
"""


@pytest.fixture
def machine(tmp_path, monkeypatch, own_process):
    """A directory with the script, and a stack that runs on an older Redis."""
    monkeypatch.setattr(backup_podman, "_POLL_S", 0.02)
    monkeypatch.setattr(backup_run, "require_safe_directory", lambda directory, setting: None)
    (tmp_path / "podman").write_text(PODMAN)
    (tmp_path / "podman").chmod(0o755)
    # The disk of whoever runs these tests has other things to write.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sync").symlink_to("/bin/true")
    for folder in ("states", "volumes", "images", "made", "backup", "good"):
        (tmp_path / folder).mkdir()
    for part in make_spec(SETTINGS, PLAN, (), (), "", "").backup.parts:
        (tmp_path / "states" / part.container).write_text("running\n")
        (tmp_path / "made" / part.container).write_text(f"c-1 id-{part.name} {part.image}")
        image(tmp_path, part.image, f"id-{part.name}")
        for volume in part.volumes:
            place(tmp_path, volume).mkdir(parents=True, exist_ok=True)
            (place(tmp_path, volume) / "file").write_text(f"of {volume}")
    (place(tmp_path, DATABASE) / "PG_VERSION").write_text("17\n")
    (tmp_path / "pg_version").write_text("17.6")
    image(tmp_path, "docker.io/library/redis:8.2", "id-new")
    return tmp_path


def image(machine: Path, reference: str, id_: str) -> None:
    """Let a reference name an image."""
    (machine / "images" / reference.replace("/", "_")).write_text(f"{id_}\n")


def place(machine: Path, volume: str) -> Path:
    return machine / "volumes" / volume / "_data"


def spec(machine: Path, services=("redis",), **settings: object) -> RollbackSpec:
    """What is told where Redis' image is another one."""
    of = make(**({"redis_image": "docker.io/library/redis:8.2"} | settings))
    wanted = stack(of)
    names = {name for name in ("redis", "rag_api", "crawler") if "redis" in services}
    anew = [one for one in wanted.services if one.name in names | set(services)]
    found = make_spec(of, wanted, services, anew, str(machine / "good/data.json"), "scp {path}")
    return dataclasses.replace(found, backup=dataclasses.replace(
        found.backup, podman=str(machine / "podman"), directory=str(machine / "backup"),
        timeout_s=1,
    ))


def calls(machine: Path) -> str:
    return (machine / "calls").read_text()


def states(machine: Path) -> set[str]:
    """The containers that do not run."""
    return {
        path.name for path in (machine / "states").iterdir() if path.read_text() != "running\n"
    }


def content(machine: Path, volume: str = VOLUME) -> dict[str, str]:
    return {path.name: path.read_text() for path in place(machine, volume).iterdir()}


def failed_volumes(machine: Path) -> list[str]:
    return sorted(p.name for p in (machine / "volumes").iterdir() if "_failed_" in p.name)


def archives(machine: Path) -> list[str]:
    return sorted(path.name for path in (machine / "backup").iterdir())


def record(machine: Path) -> dict[str, object] | None:
    path = machine / "good/data.json"
    return json.loads(path.read_text()) if path.exists() else None


def new_generation(machine: Path) -> None:
    """Another container, of a newer Redis, and what that would make of the data."""
    (machine / "made/xnai_redis").write_text("c-2 id-new docker.io/library/redis:8.2")
    (place(machine, VOLUME) / "file").write_text("what only the new one reads")
    (place(machine, VOLUME) / "more").write_text("more")


def test_what_it_is_told_goes_there_and_back(machine):
    assert parse(spec(machine).text()) == spec(machine)
    (machine / "b.pyz").write_bytes(bundle(spec(machine)))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", machine / "b.pyz", "keep"], cwd="/",
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1 and "No module" not in done.stderr
    assert "They and" in done.stderr or "It and" in done.stderr, done.stderr
    assert str(ROOT) not in done.stderr


def test_copied_when_all_that_write_stand_still_and_redis_has_saved(machine, capfd):
    assert main(spec(machine), "keep") == 0
    said = calls(machine)
    order = [
        "stop --time 30 xnai_crawler", "stop --time 30 xnai_rag_api", "exec xnai_redis sh -c",
        "stop --time 120 xnai_redis", f"volumes/{VOLUME}/_data .",
    ]
    assert [said.index(words) for words in order] == sorted(said.index(words) for words in order)
    assert "\nrm " not in said and "volume rm" not in said
    assert states(machine) == {"xnai_crawler", "xnai_rag_api", "xnai_redis"}
    (name,) = archives(machine)
    assert re.fullmatch(r"xnai-\d{8}T\d{6}Z-before-upgrade-redis\.tar", name)
    (machine / "into").mkdir()
    manifest = backup_archive.read(machine / "backup" / name, machine / "into")
    assert [member.of for member in manifest.members] == [VOLUME]
    assert manifest.images["redis"] == "docker.io/library/redis:8.0"
    assert manifest.versions["redis"] == "8.0.2"
    assert f"the data of redis, to go back to:\n{machine}/backup/{name}" in capfd.readouterr().out
    found = record(machine)
    assert containers(json.dumps(found)) == ["xnai_redis", "xnai_rag_api", "xnai_crawler"]
    assert found["copies"]["redis"] | {"archive": ""} == {
        "archive": "", "container": "c-1", "image": "id-redis",
        "reference": "docker.io/library/redis:8.0", "moving": {},
    }


def test_back_keeps_what_failed_and_brings_the_data_from_before(machine, capfd):
    assert main(spec(machine), "keep") == 0
    before = content(machine)
    new_generation(machine)
    failed = content(machine)
    assert main(spec(machine), "back") == 0
    assert content(machine) == before
    assert place(machine, VOLUME).stat().st_uid == 999
    (kept,) = failed_volumes(machine)
    assert re.fullmatch(rf"{VOLUME}_failed_\d{{8}}T\d{{6}}Z", kept)
    assert content(machine, kept) == failed
    label = "--label=io.xnai.stack=xnai --opt=o=uid=999,gid=999"
    assert f"volume create --ignore {label} {kept}" in calls(machine)
    said = capfd.readouterr().out
    assert f"kept: what the failed generation left in {VOLUME} is the volume {kept}." in said
    assert f"remove it: sudo xnai-podman volume rm {kept}" in said
    assert record(machine) is None
    # And the copy is still there.
    assert len(archives(machine)) == 1


@pytest.mark.parametrize("fails", ["tar", "os.rename.*_failed_", "os.rename.*restored", "create"])
def test_cut_off_anywhere_it_goes_on_from_there(machine, fails):
    assert main(spec(machine), "keep") == 0
    before = content(machine)
    new_generation(machine)
    failed = content(machine)
    (machine / "fail").write_text(fails)
    assert main(spec(machine), "back") == 1
    assert record(machine) is not None and len(archives(machine)) == 1
    whole = [
        content(machine, path.parent.name) for path in (machine / "volumes").glob("*/_data")
        if path.parent.name.startswith(VOLUME)
    ]
    assert failed in whole
    (machine / "fail").unlink()
    # By the same run's way back, or by the next run that begins, whatever it wants.
    assert main(spec(machine), "back") == 0
    assert content(machine) == before
    (kept,) = failed_volumes(machine)
    assert content(machine, kept) == failed
    assert record(machine) is None


def test_the_next_run_ends_what_a_killed_one_began_to_put_back(machine, capfd):
    assert main(spec(machine), "keep") == 0
    before = content(machine)
    new_generation(machine)
    (machine / "fail").write_text("os.rename.*restored")
    assert main(spec(machine), "back") == 1
    (machine / "fail").unlink()
    assert main(spec(machine), "keep") == 0
    assert "an earlier run was interrupted while it restored data" in capfd.readouterr().out
    assert content(machine) == before
    # The copy is these data's, and so is no second one made.
    assert len(archives(machine)) == 1 and record(machine)["copies"]["redis"]["moving"] == {}
    assert main(spec(machine), "back") == 0
    assert content(machine) == before and len(failed_volumes(machine)) == 2


def test_the_first_copy_stays_the_one_to_go_back_to(machine, capfd):
    assert main(spec(machine), "keep") == 0
    found = record(machine)
    new_generation(machine)
    again = spec(machine, ("redis", "vikunja_db"))
    assert main(again, "keep") == 0
    assert "an earlier run was interrupted: its copies are kept" in capfd.readouterr().out
    after = record(machine)
    assert after["copies"]["redis"] == found["copies"]["redis"]
    assert set(after["copies"]) == {"redis", "vikunja_db"}
    assert after["containers"] == [
        "xnai_redis", "xnai_rag_api", "xnai_crawler", "xnai_vikunja_db",
    ]


def test_what_was_never_replaced_is_copied_anew(machine, capfd):
    assert main(spec(machine), "keep") == 0
    (first,) = archives(machine)
    # Killed; the machine was started again, and the old container wrote for days.
    (place(machine, VOLUME) / "file").write_text("later")
    assert main(spec(machine), "keep") == 0
    assert "before redis was replaced: its data are copied again" in capfd.readouterr().out
    assert len(archives(machine)) == 2 and first not in record(machine)["copies"]["redis"].values()
    new_generation(machine)
    assert main(spec(machine), "back") == 0
    assert content(machine)["file"] == "later"


def test_with_the_image_from_before_again_its_data_are_put_in_place_first(machine):
    assert main(spec(machine), "keep") == 0
    before = content(machine)
    new_generation(machine)
    assert main(spec(machine, redis_image="docker.io/library/redis:8.0"), "keep") == 0
    assert content(machine) == before and len(failed_volumes(machine)) == 1
    assert record(machine) is not None


def test_with_one_of_two_images_from_before_again_no_data_are_put_back(machine, capfd):
    two, newer = ("redis", "vikunja_db"), "docker.io/library/postgres:17.9"
    image(machine, newer, "id-newer")
    assert main(spec(machine, two, vikunja_db_image=newer), "keep") == 0
    new_generation(machine)
    (machine / "made/xnai_vikunja_db").write_text(f"c-2 id-newer {newer}")
    written, found = content(machine), record(machine)
    old = {"redis_image": "docker.io/library/redis:8.0"}
    assert main(spec(machine, two, vikunja_db_image=newer, **old), "keep") == 0
    assert "an earlier run was interrupted: its copies are kept" in capfd.readouterr().out
    assert content(machine) == written and failed_volumes(machine) == []
    assert record(machine) == found


def test_a_name_that_was_pulled_anew_means_the_image_before_again(machine):
    assert main(spec(machine), "keep") == 0
    image(machine, "docker.io/library/redis:8.0", "id-other")
    assert main(spec(machine), "back") == 0
    assert "tag id-redis docker.io/library/redis:8.0" in calls(machine)


@pytest.mark.parametrize("fails", ["exec xnai_redis sh", "directory=.*redis_data", "xnai_rag_api"])
def test_without_a_copy_all_run_on_and_nothing_is_left(machine, capfd, fails):
    (machine / "podman").write_text(PODMAN.replace('{ echo "told', '{ rm fail; echo "told'))
    (machine / "fail").write_text(fails)
    before = content(machine)
    assert main(spec(machine), "keep") == 1
    said = capfd.readouterr().err
    assert "told to fail" in said and "Nothing was removed or replaced." in said
    assert states(machine) == set()
    assert (archives(machine), record(machine)) == ([], None)
    assert content(machine)["file"] == before["file"]


def test_redis_that_was_killed_has_not_saved(machine, capfd):
    (machine / "exit_code").write_text("137")
    assert main(spec(machine), "keep") == 1
    assert "xnai_redis did not end within 120 s and was killed" in capfd.readouterr().err
    assert states(machine) == set()


def test_what_is_down_is_copied_as_it_is(machine):
    (machine / "states/xnai_redis").write_text("exited\n")
    (machine / "states/xnai_crawler").write_text("created\n")
    assert main(spec(machine), "keep") == 0
    said = calls(machine)
    assert "exec xnai_redis sh" not in said and "stop --time 30 xnai_crawler" not in said
    # Its restart policy might start it meanwhile.
    assert said.index("stop --time 30 xnai_redis") < said.index(f"volumes/{VOLUME}/_data .")
    assert len(archives(machine)) == 1


def test_an_empty_volume_needs_no_copy(machine):
    for path in place(machine, VOLUME).iterdir():
        path.unlink()
    assert main(spec(machine), "keep") == 0
    assert (archives(machine), record(machine), states(machine)) == ([], None, set())


def test_too_little_room_is_said_before_anything_stops(machine, capfd, monkeypatch):
    monkeypatch.setattr(backup_run.shutil, "disk_usage", lambda path: _Usage)
    assert main(spec(machine), "keep") == 1
    said = capfd.readouterr().err
    assert "1 MiB are free, 64 MiB are needed to copy the data of redis and to go back" in said
    assert "Make room there" in said and "Nothing was changed." in said
    assert "stop" not in calls(machine) and states(machine) == set()


class _Usage:
    free = 1 << 20


@pytest.mark.parametrize(("short", "code"), [(0, 0), (1, 1)])
def test_room_for_exactly_what_is_needed_is_enough_and_a_byte_less_is_not(
    machine, monkeypatch, short, code
):
    """Three times the data on one disk (docs/backup.md), and 64 MiB."""
    (place(machine, VOLUME) / "file").write_bytes(b"x" * 5000)
    size = sum(
        max(s.st_size, s.st_blocks * 512)
        for s in (file.lstat() for file in place(machine, VOLUME).iterdir())
    )
    free = 3 * size + (64 << 20) - short
    monkeypatch.setattr(
        backup_run.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free})
    )
    assert main(spec(machine), "keep") == code


def test_a_copy_is_roots_alone_from_its_first_byte(machine):
    # Whatever umask it was started with; the packed file is looked at when it is half written.
    os.umask(0o022)
    (machine / "podman").write_text(PODMAN.replace(
        "cd ", "find ${0%/*}/backup -perm /077 >> ${0%/*}/open 2>/dev/null; cd ", 1
    ))
    assert main(spec(machine), "keep") == 0
    assert (machine / "open").read_text().splitlines() in ([], [str(machine / "backup")])
    (path,) = (machine / "backup").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        ("18.0", "--data vikunja_db_image=docker.io/library/postgres:17\n"),
        ("15.13", "There is no way back to an older major version"),
    ],
)
def test_another_major_of_postgresql_is_refused_before_anything_stops(machine, capfd, reads, said):
    (machine / "pg_version").write_text(reads)
    # Whose tag does not tell.
    other = spec(machine, ("vikunja_db",), vikunja_db_image="registry.example/mine:trixie")
    assert main(other, "keep") == 1
    found = capfd.readouterr().err
    assert "Nothing was changed." in found and said in found
    assert "stop" not in calls(machine) and archives(machine) == []


def test_a_minor_of_postgresql_is_copied(machine):
    (machine / "pg_version").write_text("17.9")
    assert main(spec(machine, ("vikunja_db",)), "keep") == 0
    (name,) = archives(machine)
    assert name.endswith("-before-upgrade-vikunja_db.tar")


def test_the_newest_copies_of_a_service_stay(machine, capfd):
    mine = [f"xnai-2026010{day}T000000Z-before-upgrade-redis.tar" for day in range(1, 6)]
    others = [
        "xnai-20250101T000000Z-before-upgrade-vikunja.tar", "xnai-20250101T000000Z.tar",
        "xnai-20250101T000000Z-before-restore.tar",
    ]
    for name in (*mine, *others):
        (machine / "backup" / name).touch()
    assert main(spec(machine), "keep") == 0
    left = archives(machine)
    assert set(others) < set(left)
    of_redis = [name for name in left if name.endswith("-before-upgrade-redis.tar")]
    assert len(of_redis) == KEPT and of_redis[:2] == mine[-2:]
    assert f"removing {machine}/backup/{mine[0]}" in capfd.readouterr().out


def test_encrypted_archives_stay_where_they_go_and_this_copy_needs_no_key():
    of = make(backup_dir="/srv/far", backup_age_recipient="age1" + "q" * 58)
    found = make_spec(of, stack(of), ("redis",), (), "/r", "").backup
    assert (found.recipient, found.directory) == ("", "/var/lib/xnai/xnai/backup")
    of = make(backup_dir="/srv/near")
    assert make_spec(of, stack(of), ("redis",), (), "/r", "").backup.directory == "/srv/near"


def test_a_copy_that_is_damaged_changes_nothing(machine, capfd):
    assert main(spec(machine), "keep") == 0
    new_generation(machine)
    failed = content(machine)
    (path,) = (machine / "backup").iterdir()
    path.write_bytes(path.read_bytes()[:-700])
    assert main(spec(machine), "back") == 1
    assert "it is cut short" in capfd.readouterr().err
    assert content(machine) == failed and record(machine) is not None


def test_without_a_healthy_generation_there_is_no_record(machine):
    (machine / "good").rmdir()
    assert main(spec(machine), "keep") == 0
    assert len(archives(machine)) == 1 and not (machine / "good").exists()
    assert records.read(Path(spec(machine).record)).copies == {}
