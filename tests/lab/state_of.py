"""What a provisioned machine comes to, without what differs from run to run."""

from __future__ import annotations

from collections.abc import Collection

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.lab.machine import Machine
from xnai.memory import files as memory_files
from xnai.stack import paths

_FILES = (
    memory_files.ZRAM_CONF, memory_files.SYSCTL_CONF, memory_files.ZSWAP_CONF, XNAI_PODMAN,
    paths.COMPOSE_LOCK, "/var/lib/xnai/xnai/stack/docker-compose.yml",
    "/var/lib/xnai/xnai/stack/docker-compose.vikunja.yml",
    "/etc/systemd/user/xnai-stack.service", "/etc/subuid", "/etc/subgid",
)


_STATE = {
    "files": f"sha256sum {' '.join(_FILES)}",
    "zram": "cut -d' ' -f1 /proc/swaps; cat /sys/block/zram0/disksize "
    "/sys/block/zram0/comp_algorithm",
    "sysctls": "sed -n 's/ *=.*//p' /etc/sysctl.d/90-xnai.conf | tr . / "
    "| sed 's,^,/proc/sys/,' | xargs grep -H ''",
    "images": "xnai-podman images --filter dangling=false --format '{{.Repository}}:{{.Tag}}' "
    "| sort",
    "containers": "xnai-podman ps -a --format "
    "'{{.Names}} {{.State}} {{.Image}} {{index .Labels \"io.xnai.config\"}}' | sort",
    "secrets": "xnai-podman secret ls --format '{{.Name}}' | sort",
    "volumes": "xnai-podman volume ls --format '{{.Name}}' | sort",
    "networks": "xnai-podman network ls --format '{{.Name}}' | sort",
    "linger": "ls /var/lib/systemd/linger",
    "apt": "dpkg --audit; dpkg-query -W -f '${Package} ${db:Status-Status}\n'",
}


def provisioned(machine: Machine, only: Collection[str] = tuple(_STATE)) -> dict[str, str]:
    """Return files' digests, zram, sysctls, images, containers, secrets' names, units.

    Args:
        machine: one that is up.
        only: the parts that are wanted.
    """
    # At once, each into a file of its own: podman processes mostly wait.
    asked = " ".join(
        f"{{ {{ {code}; }} > $d/{name} 2>&1 || echo failed >> $d/failed; }} &"
        for name, code in _STATE.items() if name in only
    )
    told = "; ".join(f"echo '@@ {name}'; cat $d/{name}" for name in only)
    told += "; if [ -e $d/failed ]; then echo '@@ failed'; fi"
    said = machine.run(f"d=$(mktemp -d); {asked} wait; {told}; rm -r $d", timeout_s=180).stdout
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        if line.startswith("@@ "):
            lines = found.setdefault(line[3:], [])
        else:
            lines.append(line)
    assert set(found) == set(only)
    return {name: "\n".join(lines) for name, lines in found.items()}


def listing(machine: Machine) -> str:
    """Return every file of the root filesystem with mode, owner, size and time; no content.

    Left out is what a machine writes by itself while it runs: logs, journals, random seeds,
    login records and /tmp.
    """
    return machine.run(
        "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log "
        "-o -path /var/tmp -o -path /var/lib/systemd -o -path /root/.cache \\) -prune -o "
        "-type f -printf '%p %m %u %g %s %T@\\n' | sort"
    ).stdout


# What a listing leaves out of the root file system: what a machine writes by itself while it runs,
# and what apt downloads.
_LEFT_OUT = (
    "/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/var/cache", "/var/lib/apt/lists",
    "/var/lib/systemd/random-seed", "/var/lib/systemd/timesync", "/root/.cache",
)
_DIGESTED = ("/etc", "/usr/local", "/opt", "/var/lib/xnai", "/home", "/root")
_SYSCTLS = (
    "vm.swappiness", "vm.page-cluster", "vm.watermark_boost_factor", "vm.watermark_scale_factor",
    "vm.vfs_cache_pressure", "vm.dirty_background_ratio", "vm.dirty_background_bytes",
    "vm.dirty_ratio", "vm.dirty_bytes",
)
_ASKED = {
    # Columns are as wide as the longest name; a login's scope is gone with it.
    "units": "systemctl list-unit-files --no-legend | awk '$2 != \"transient\" {$1 = $1; print}'",
    "user units": "systemctl --global list-unit-files --no-legend | awk '{$1 = $1; print}'",
    "sysctls": f"cd /proc/sys && grep -H '' {' '.join(k.replace('.', '/') for k in _SYSCTLS)}",
    "zswap": "cat /sys/module/zswap/parameters/enabled; :",
    "linger": "ls /var/lib/systemd/linger; :",
    "swaps": "sed 's/[[:space:]]\\+/ /g' /proc/swaps | cut -d' ' -f1-3,5",
    "users": "getent passwd; getent group",
    "subordinate IDs": "cat /etc/subuid /etc/subgid; :",
    "packages": "dpkg-query -W -f '${Package}:${Architecture} ${Version} ${Status}\\n'",
    "automatic": "apt-mark showauto",
    "memory.low": "cat /sys/fs/cgroup/user.slice/memory.low",
}


def everything(machine: Machine) -> dict[str, set[str]]:
    """Return what a machine is, to be compared with what it was: section -> lines.

    Of every file type, mode, owner, group, size and where a link leads; of those in /etc, /home and
    other places of the administrator's the content too; units, sysctls, swap, users, packages.
    """
    pruned = " -o ".join(f"-path {path}" for path in _LEFT_OUT)
    asked = {
        "files": f"find / -xdev \\( {pruned} \\) -prune -o -type d -printf '%p d %m %U %G\\n' "
        "-o -printf '%p %y %m %U %G %s %l\\n'",
        "content": f"find {' '.join(_DIGESTED)} -xdev -path /root/.cache -prune -o -type f "
        "-exec sha256sum {} +; :",
    } | _ASKED
    script = "\n".join(f"echo '@@ {name}'; {code}" for name, code in asked.items())
    found: dict[str, set[str]] = {}
    for line in machine.run(script, timeout_s=600).stdout.splitlines():
        if line.startswith("@@ "):
            lines = found.setdefault(line[3:], set())
        else:
            lines.add(line)
    assert set(found) == set(asked)
    return found
