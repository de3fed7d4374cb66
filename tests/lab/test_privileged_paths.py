"""What others control on a machine, and what others must not see of it, on a real one."""

from __future__ import annotations

import pytest

from xnai.lab.deploying import deploy, deploy_aloud
from xnai.record.baseline import INSTALLED, INSTALLING

pytestmark = pytest.mark.lab

SYSCTL = "/etc/sysctl.d/90-xnai.conf"
STACK = "/var/lib/xnai/xnai/stack"

# Whoever is nobody looks at once at each file that appears or changes where files pass through.
WATCH = r"""
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
queue = libc.inotify_init1(0)
names = {}
for folder in sys.argv[1:]:
    # IN_ATTRIB, IN_CLOSE_WRITE, IN_CREATE, IN_MODIFY, IN_MOVED_TO (inotify(7))
    number = libc.inotify_add_watch(queue, folder.encode(), 0x4 | 0x8 | 0x100 | 0x2 | 0x80)
    names[number] = folder
    print("WATCHING" if number > 0 else "CLOSED", folder, flush=True)
while True:
    data = os.read(queue, 65536)
    while data:
        number, _, _, length = struct.unpack("iIII", data[:16])
        path = os.path.join(names[number], data[16:16 + length].rstrip(b"\0").decode())
        data = data[16 + length:]
        try:
            with open(path, "rb") as file:
                print("READ", path, len(file.read(1 << 20)), flush=True)
        except OSError:
            pass
"""
PLACES = "/tmp /var/tmp /dev/shm /run /var/lib/xnai"


def test_what_stands_in_our_place_is_named_and_left_alone(deployed):
    deployed.run(
        f"rm {SYSCTL} && ln -s /dev/null {SYSCTL} && mv {STACK} /srv/stack && "
        f"ln -s /srv/stack {STACK} && rm /etc/tmpfiles.d/90-xnai.conf && "
        "mkfifo /etc/tmpfiles.d/90-xnai.conf"
    )
    look = f"stat -c '%n %a %F' /dev/null {SYSCTL} {STACK}; ls -la /srv/stack"
    before = deployed.run(look).stdout
    assert before.startswith("/dev/null 666 character special file\n")
    outcome = deploy(deployed)
    assert outcome.code != 0 and outcome.changed == ()
    for words in (
        "preflight, nothing was changed", f"rm {SYSCTL}", "a link to /dev/null",
        "a link to /srv/stack", "fifo",
    ):
        assert words in outcome.log, outcome.log
    assert deployed.run(look).stdout == before
    deployed.run(
        f"rm {SYSCTL} {STACK} /etc/tmpfiles.d/90-xnai.conf && mv /srv/stack {STACK}"
    )
    outcome = deploy(deployed)
    assert outcome.code == 0 and len(outcome.changed) == 2, outcome.log
    assert deployed.run("stat -c '%a %F' /dev/null").stdout == "666 character special file\n"
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


def test_another_run_is_waited_for_and_one_that_was_killed_taken_over(deployed):
    deployed.run(
        "umask 077; mkdir -p /run/xnai; read b < /proc/sys/kernel/random/boot_id; "
        "read u rest < /proc/uptime; "
        "echo bbbb $b $((${u%.*}+25)) you@laptop elsewhere 4 5 > /run/xnai/lease"
    )
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    assert "a run of you@laptop (process 4 there) is at work on this" in outcome.log, outcome.log
    assert "taking over from a run of you@laptop that did not end well" in outcome.log
    # Given back; and nobody else can open what could be held.
    assert deployed.run("cat /run/xnai/lease").stdout.split()[2] == "0"
    before = deployed.run("stat -c %Y.%Z.%i /run/xnai/lease").stdout
    assert deploy_aloud(deployed, "--dry") == 0
    assert deployed.run("stat -c %Y.%Z.%i /run/xnai/lease").stdout == before
    held = deployed.run(
        "runuser -u nobody -- flock -n /run/xnai/lock true; stat -c '%a %U' /run/xnai "
        "/run/xnai/lock", check=False,
    )
    assert "Permission denied" in held.stderr
    assert held.stdout.split() == ["700", "root", "600", "root"]


def test_traps_hold_nobody_up_and_nothing_private_is_ever_readable(deployed):
    """Two stories on one machine, which neither leaves as it was."""
    # What a user has put where root looks.
    deployed.run(
        "useradd --create-home trapper && cd /home/trapper && mkdir -p .config/containers "
        ".local/share/containers/storage/overlay-containers && "
        "mkfifo .config/containers/storage.conf && ln -s /dev/zero "
        ".local/share/containers/storage/overlay-containers/containers.json && "
        "chown -R --no-dereference trapper: ."
    )
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    # What root writes, where that user looks.
    deployed.run(
        f"cat > /usr/local/watch.py <<'END'\n{WATCH}END\n"
        "systemd-run --unit=watch -p User=nobody -p StandardOutput=file:/var/log/watch "
        f"python3 /usr/local/watch.py {PLACES}; until grep -q 'lib/xnai' /var/log/watch; do "
        "sleep 0.2; done; echo seen > /tmp/canary"
    )
    # A compose file, root's and the user's configuration. A context goes the same way.
    deployed.run(
        f"rm {SYSCTL} {STACK}/docker-compose.yml "
        "/home/xnai/.config/containers/registries.conf.d/90-xnai.conf"
    )
    for words in (("deploy.py",), ("tasks/backup.py",), ("tasks/teardown.py",)):
        outcome = deploy(deployed, deploy_file=words[0])
        assert outcome.code == 0, outcome.log
    said = deployed.run("cat /var/log/watch").stdout.splitlines()
    assert [line for line in said if line.startswith("CLOSED")] == []
    read = {line.split()[1] for line in said if line.startswith("READ ")}
    assert "/tmp/canary" in read  # it does see what there is to see
    # The one thing that is public: which packages were installed (dpkg tells everybody).
    public = {"/tmp/canary", INSTALLED, INSTALLING}
    assert {path for path in read if not path.startswith("/run/")} <= public | {
        f"{path}.new" for path in public
    }, read
    assert not any("xnai" in path for path in read if path.startswith("/run/")), read
