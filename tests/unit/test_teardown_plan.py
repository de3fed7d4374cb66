"""From what there is to what teardown does: data, other stacks, records, what it refuses."""

from __future__ import annotations

import dataclasses

import pytest
from unit_settings import make

from xnai.facts.memory import MemoryFacts, Zram
from xnai.facts.podman import StoreImage
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.teardown import Account, Kept, Remains
from xnai.record.baseline import Before, OldFile, OldUser, OldZram
from xnai.teardown.model import Found, Plan
from xnai.teardown.plan import plan, refusals

CONF = "/etc/systemd/zram-generator.conf.d/90-xnai.conf"
SYSCTL = "/etc/sysctl.d/90-xnai.conf"
UNIT = "/etc/systemd/user/xnai-stack.service"
DROP_IN = "/etc/systemd/system/user@2000.service.d/90-xnai.conf"
WRAPPER = "/usr/local/bin/xnai-podman"
HOME_FILE = "/home/xnai/.config/containers/containers.conf.d/90-xnai.conf"
CERTIFICATE = "/usr/local/share/ca-certificates/xnai-proxy.crt"
RECORD = Before(
    sysctls={"vm.swappiness": "60"},
    zswap=None,
    zram=OldZram(False, False, 0, "", 0),
    user=OldUser("xnai", False, False, (), ()),
    files={},
    existing=frozenset({"/etc", "/etc/systemd", "/etc/systemd/system", "/etc/sysctl.d"}),
)
ACCOUNT = Account(
    2000, "/home/xnai", True, 0, ("xnai:100000:65536",), ("xnai:100000:65536",)
)


def image(name: str, stack: str = "") -> StoreImage:
    return StoreImage(name, (name,), (), 0, 0, {"io.xnai.stack": stack} if stack else {})


STORE = Kept(
    containers=("xnai_redis", "xnai_old", "xnai_rag_api"),
    networks=("xnai", "xnai_data"),
    volumes=("xnai_redis_data", "xnai_library"),
    secrets={"xnai_redis_password": "xnai"},
    images=(
        image("localhost/xnai_rag_api:1", "xnai"), image("docker.io/library/redis:8.0"),
        image("docker.io/me/mine:1"),
    ),
    others=(),
    swap_mib=100,
)
DEPLOYED = Remains(
    record=b"", kept=None, account=ACCOUNT, wrapper_user="xnai", store=STORE,
    volume_names=STORE.volumes,
    files=dict.fromkeys((CONF, SYSCTL, UNIT, DROP_IN, WRAPPER, HOME_FILE, CERTIFICATE), True),
    directories=frozenset({"/opt/xnai/podman-compose", "/var/lib/xnai"}), enabled=True,
    others=("xnai",), in_directory=("backup", "build", "stack"), set_aside=(),
    caches=("/var/tmp/buildah-cache-2000",), packages=True,
)
NOTHING = Remains(
    record=None, kept=None, account=None, wrapper_user="", store=None, volume_names=(), files={},
    directories=frozenset(), enabled=False, others=(), in_directory=None, set_aside=(), caches=(),
    packages=False,
)
# After a teardown that kept the data.
DATA = dataclasses.replace(
    NOTHING, kept=b"", account=dataclasses.replace(ACCOUNT, lingering=False),
    volume_names=STORE.volumes, in_directory=("backup",),
)
# The same, beside the data of another stack.
TWO_KEPT = dataclasses.replace(DATA, volume_names=("xnai_library", "other_data"))
MEMORY = MemoryFacts(
    packages={}, files={}, sysctls={"vm.swappiness": "180"},
    zram=Zram(4096, "zstd", True, 50, 100), available_mib=1000, zswap_enabled=None,
)


def found(remains: Remains = DEPLOYED, record: Before | None = RECORD, **changes) -> Found:
    settings = make(**{n: changes.pop(n) for n in ("purge", "stack_user", "backup_dir")
                       if n in changes})
    values = {
        "settings": settings, "remains": remains, "memory": MEMORY, "record": record,
        "former": None, "above": ["/etc/systemd/zram-generator.conf.d", "/etc/systemd", "/etc"],
        "host": "desk",
    }
    return Found(**values | changes)


def remains(**changes) -> Remains:
    return dataclasses.replace(DEPLOYED, **changes)


def test_data_and_what_they_need_are_kept():
    one = plan(found())
    assert (one.volumes, one.secrets, one.user) == ((), (), None)
    assert one.kept_volumes == ("xnai_library", "xnai_redis_data")
    assert one.names == ("build", "stack")
    assert one.record and one.keep_record
    assert one.linger
    text = "\n".join(one.notes)
    where = "/home/xnai/.local/share/containers/storage/volumes/xnai_library/_data"
    assert f"kept: volume xnai_library ({where})" in one.notes
    assert "tasks/teardown.py --data purge=desk" in text
    assert "backups are never removed: /var/lib/xnai/xnai/backup" in one.notes


def test_all_that_is_ours_goes():
    one = plan(found())
    # What the catalogue does not know any more first, then what depends on others.
    assert one.containers == ("xnai_old", "xnai_rag_api", "xnai_redis")
    assert one.networks == ("xnai", "xnai_data")
    # Nobody else asked a store that was made for the stack for what its services need.
    assert one.images == ("localhost/xnai_rag_api:1", "docker.io/library/redis:8.0")
    assert one.files == (SYSCTL, DROP_IN, WRAPPER)
    assert one.home_files == (HOME_FILE,)
    assert one.certificates == (CERTIFICATE,)
    assert one.directories == (
        "/etc/systemd/system/user@2000.service.d", "/etc/systemd/zram-generator.conf.d",
    )
    assert one.unit and one.zram and one.compose and one.packages
    assert one.sysctls == {"vm.swappiness": "60"}
    assert one.caches == ("/var/tmp/buildah-cache-2000",)


def test_purge_takes_data_secrets_and_the_user():
    one = plan(found(purge="desk"))
    assert one.volumes == ("xnai_library", "xnai_redis_data")
    assert one.secrets == ("xnai_redis_password",)
    assert one.user == ACCOUNT
    assert not one.home_files and not one.linger and not one.kept_volumes
    assert one.record and not one.keep_record
    assert one.names == ("build", "stack")
    assert one.notes == ("backups are never removed: /var/lib/xnai/xnai/backup",)


def test_purge_after_the_data_were_kept():
    one = plan(found(DATA, None, former=RECORD, purge="desk"))
    assert one == Plan(
        user=DATA.account, record=True,
        notes=("backups are never removed: /var/lib/xnai/xnai/backup",),
    )


def test_a_second_teardown_does_nothing_and_says_what_is_kept():
    one = plan(found(DATA, None, former=RECORD))
    assert dataclasses.replace(one, notes=(), kept_volumes=()) == Plan()
    assert sum(note.startswith("kept: volume") for note in one.notes) == 2


def test_what_lingers_since_a_teardown_is_not_ours_to_end():
    user = OldUser("me", True, False, (), ())
    again = dataclasses.replace(DATA, account=ACCOUNT)
    former = dataclasses.replace(RECORD, user=user)
    assert not plan(found(again, None, former=former, stack_user="me")).linger
    assert plan(found(remains(account=ACCOUNT), former, stack_user="me")).linger


def test_a_machine_that_was_never_deployed():
    assert plan(found(NOTHING, None)) == Plan()
    assert plan(found(NOTHING, None, purge="desk")) == Plan()


def test_another_stack_keeps_what_is_shared():
    one = plan(found(remains(others=("other", "xnai")), purge="desk"))
    assert one.containers and one.volumes and one.secrets and one.unit
    assert one.images == ("localhost/xnai_rag_api:1",)
    assert not any((
        one.files, one.home_files, one.linger, one.zram, one.sysctls, one.compose, one.user,
        one.packages, one.record, one.caches, one.certificates, one.directories,
    ))
    assert "other is on this machine too" in one.notes[0]


def test_another_stacks_kept_data_keep_the_user():
    store = dataclasses.replace(
        STORE, others=("volume other_data",), secrets={"other_password": "other"}
    )
    one = plan(found(remains(store=store), purge="desk"))
    assert (one.user, one.secrets) == (None, ())
    assert one.keep_record and one.linger and one.files
    assert (
        "the user xnai stays: its Podman store holds volume other_data, secret other_password"
        in one.notes
    )
    # By the directory, where there is no Podman to ask any more.
    one = plan(found(TWO_KEPT, None, former=RECORD, purge="desk"))
    assert one.user is None and not one.record


def test_a_volume_of_ours_without_its_label_is_ours():
    store = dataclasses.replace(
        STORE, volumes=("xnai_library",),
        others=("volume xnai_redis_data", "container mine", f"volume {'0' * 64}", "volume xnai_x"),
    )
    one = found(remains(store=store))
    assert one.volumes == ("xnai_library", "xnai_redis_data", "xnai_x")
    assert one.strangers == ("container mine",)
    # In somebody's own store a name alone says nothing.
    mine = dataclasses.replace(RECORD, user=OldUser("me", True, True, (), ()))
    one = found(remains(store=store), mine)
    assert one.volumes == ("xnai_library", "xnai_redis_data")


def test_a_user_that_was_there_stays_as_it_was():
    user = OldUser("me", True, True, (), ("me:100000:65536",))
    record = dataclasses.replace(RECORD, user=user)
    account = dataclasses.replace(
        ACCOUNT, home="/home/me", subuid=("me:100000:65536", "me:broken"),
        subgid=("me:100000:65536",),
    )
    ours = f"{account.home}/.config/containers/containers.conf.d/90-xnai.conf"
    here = remains(account=account, wrapper_user="me", files={ours: True, SYSCTL: True})
    one = plan(found(here, record, stack_user="me"))
    assert (one.user, one.linger, one.home_files) == (None, False, (ours,))
    assert (one.subuid, one.subgid) == ((), ())  # the data need them
    assert one.images == ("localhost/xnai_rag_api:1",)
    assert all(path.startswith("/var/tmp/buildah-cache-2000/") for path in one.caches)
    one = plan(found(here, record, stack_user="me", purge="desk"))
    assert one.user is None
    assert (one.subuid, one.subgid) == (("me:100000:65536",), ())
    assert one.record and not one.keep_record
    assert "the user me stays: it was there before" in one.notes


def test_a_machine_without_a_record_is_not_made_up():
    one = plan(found(record=None, purge="desk"))
    assert one.files == (SYSCTL, DROP_IN, WRAPPER)
    assert (one.sysctls, one.put_back, one.user, one.record) == ({}, {}, None, False)
    assert one.zram and one.compose and one.volumes
    assert one.directories == ("/etc/systemd/system/user@2000.service.d",)
    assert sum("there is no record" in note for note in one.notes) == 1
    assert "the user xnai stays: nothing says that it was made for the stack" in one.notes


def test_what_ours_had_replaced_is_put_back_and_what_is_not_ours_stays():
    old = OldFile(b"mine", "0600", "root", "root")
    record = dataclasses.replace(RECORD, files={WRAPPER: old, DROP_IN: old})
    files = DEPLOYED.files | {DROP_IN: False, SYSCTL: False}
    one = plan(found(remains(files=files), record))
    # The drop-in was put back already.
    assert one.put_back == {WRAPPER: old}
    assert one.files == (WRAPPER,)
    assert [note for note in one.notes if "does not begin" in note] == [
        f"{SYSCTL} stays: it does not begin with '# Managed by xnai'"
    ]


def test_what_was_in_a_home_is_put_back_while_its_user_is_there():
    old = OldFile(b"mine", "0600", "me", "me")
    user = OldUser("me", True, True, (), ())
    record = dataclasses.replace(RECORD, user=user, files={"/home/me/.config/x": old, SYSCTL: old})
    me = dataclasses.replace(ACCOUNT, home="/home/me")
    one = found(remains(account=me, wrapper_user="me"), record, stack_user="me")
    assert set(plan(one).put_back) == {"/home/me/.config/x", SYSCTL}
    gone = found(remains(account=None, wrapper_user="me"), record, stack_user="me")
    assert set(plan(gone).put_back) == {SYSCTL}


def test_zram_that_was_there_is_set_up_again_also_after_a_kill():
    record = dataclasses.replace(RECORD, zram=OldZram(True, True, 2048, "lz4", 5))
    off = dataclasses.replace(
        MEMORY, zram=dataclasses.replace(MEMORY.zram, swap_active=False, swap_used_mib=0)
    )
    without = remains(files={})
    assert plan(found(without, record, memory=off)).zram
    assert not plan(found(without, record)).zram
    assert not plan(found(without, RECORD, memory=off)).zram
    # What was not there: the package starts it with a configuration of its own.
    assert plan(found(without, RECORD)).zram


def test_zswap():
    record = dataclasses.replace(RECORD, zswap=True)
    off = dataclasses.replace(MEMORY, zswap_enabled=False)
    on = dataclasses.replace(MEMORY, zswap_enabled=True)
    assert plan(found(record=record, memory=off)).zswap
    assert not plan(found(record=record, memory=on)).zswap
    assert not plan(found(record=RECORD, memory=off)).zswap


def test_files_that_were_set_aside_go_back():
    aside = "/etc/sysctl.d/99-mine.conf.xnai-set-aside"
    one = plan(found(remains(set_aside=(aside,))))
    assert one.set_aside == {aside: "/etc/sysctl.d/99-mine.conf"}


def test_of_what_was_set_aside_several_times_the_last_goes_back_first():
    name = "/etc/sysctl.d/99-mine.conf"
    asides = tuple(f"{name}.xnai-set-aside{end}" for end in ("", ".1", ".10", ".9"))
    one = plan(found(remains(set_aside=asides)))
    assert list(one.set_aside.items()) == [
        (f"{name}.xnai-set-aside{end}", name) for end in (".10", ".9", ".1", "")
    ]


def test_half_a_restore_is_not_kept_for_the_whole():
    here = remains(in_directory=("stack", "unfinished-restore"))
    (said,) = refusals(found(here))
    assert "/var/lib/xnai/xnai/unfinished-restore" in said and "--data purge=desk" in said
    assert refusals(found(here, purge="desk")) == []


def test_an_unfinished_rotation_is_kept_with_the_secrets():
    here = remains(in_directory=("rotation", "stack"))
    assert plan(found(here)).names == ("stack",)
    assert plan(found(here, purge="desk")).names == ("rotation", "stack")


def test_a_directory_of_backups_elsewhere_is_named():
    one = plan(found(backup_dir="/srv/backups", purge="desk"))
    assert one.notes == ("backups are never removed: /srv/backups, /var/lib/xnai/xnai/backup",)


@pytest.mark.parametrize(
    ("backup_dir", "go"),
    [
        ("/srv/backups", ("build", "mine", "stack", "xnai-20260131T120000Z.tar")),
        ("/var/lib/xnai/xnai/mine", ("build", "stack", "xnai-20260131T120000Z.tar")),
        ("/var/lib/xnai/xnai/mine/deep/", ("build", "stack", "xnai-20260131T120000Z.tar")),
        ("/var/lib/xnai/xnai", ("build", "mine", "stack")),
        ("/var/lib/xnai/xnai/min", ("build", "mine", "stack", "xnai-20260131T120000Z.tar")),
    ],
)
def test_a_directory_of_backups_beside_what_goes_stays(backup_dir, go):
    names = ("backup", "build", "mine", "stack", "xnai-20260131T120000Z.tar")
    one = plan(found(remains(in_directory=names), backup_dir=backup_dir, purge="desk"))
    assert one.names == go


def test_nothing_is_refused_of_a_healthy_machine():
    assert refusals(found()) == []
    assert refusals(found(purge="desk")) == []
    assert refusals(found(NOTHING, None, purge="desk")) == []


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (found(remains(store=PodmanUnknown())), "Podman of xnai does not answer"),
        (found(stack_user="me"), "/usr/local/bin/xnai-podman belongs to a stack of xnai"),
        (
            found(DATA, None, former=RECORD, stack_user="me"),
            "the record belongs to a stack of xnai",
        ),
        (found(DATA, None, purge="desk"), "there is no Podman to remove them with"),
        (found(TWO_KEPT, None, former=RECORD, purge="desk"),
         "a user whose store holds volume other_data as well, and there is no Podman"),
        (found(dataclasses.replace(DATA, others=("other",)), None, former=RECORD, purge="desk"),
         "a user which other needs, and there is no Podman"),
    ],
)
def test_refused(one, said):
    assert said in "\n".join(refusals(one))


@pytest.mark.parametrize(
    ("used_mib", "available_mib", "fits"),
    [
        (0, 10, True),
        (100, 10, True),  # the stack's own, which goes with its containers
        (101, 256, False),
        (101, 257, True),
        (1100, 1255, False),
        (1100, 1256, True),
    ],
)
def test_what_is_swapped_must_fit_into_ram(used_mib, available_mib, fits):
    memory = dataclasses.replace(
        MEMORY, zram=dataclasses.replace(MEMORY.zram, swap_used_mib=used_mib),
        available_mib=available_mib,
    )
    said = refusals(found(memory=memory))
    assert (said == []) == fits
    if not fits:
        assert "zram0 could not be emptied" in said[0] and "Close programs" in said[0]
    # Where it stays on there is nothing to empty.
    assert refusals(found(remains(others=("other", "xnai")), memory=memory)) == []
