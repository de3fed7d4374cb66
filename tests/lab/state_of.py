"""What a provisioned machine comes to, without what differs from run to run."""

from __future__ import annotations

import json

from tasks import containers, memory
from xnai.lab.machine import Machine

_FILES = (
    memory.ZRAM_CONF, memory.SYSCTL_CONF, memory.ZSWAP_CONF, containers.XNAI_PODMAN,
    containers.COMPOSE_LOCK, "/var/lib/xnai/xnai/stack/docker-compose.yml",
    "/var/lib/xnai/xnai/stack/docker-compose.vikunja.yml",
    "/etc/systemd/user/xnai-stack.service", "/etc/subuid", "/etc/subgid",
)


def provisioned(machine: Machine) -> dict[str, object]:
    """Return files' digests, zram, sysctls, images, containers, secrets' names, units."""
    podman = json.loads(
        machine.run("xnai-podman ps -a --format json").stdout
    )
    return {
        "files": machine.run(f"sha256sum {' '.join(_FILES)}").stdout,
        "zram": machine.run(
            "cut -d' ' -f1 /proc/swaps; cat /sys/block/zram0/disksize "
            "/sys/block/zram0/comp_algorithm"
        ).stdout,
        "sysctls": machine.run(
            "sed -n 's/ *=.*//p' /etc/sysctl.d/90-xnai.conf | xargs -n1 /sbin/sysctl 2>/dev/null "
            "|| grep -rH '' /proc/sys/vm/swappiness /proc/sys/vm/page-cluster"
        ).stdout,
        "images": sorted(
            machine.run(
                "xnai-podman images --filter dangling=false --format '{{.Repository}}:{{.Tag}}'"
            ).stdout.split()
        ),
        "containers": sorted(
            (item["Names"][0], item["State"], item["Image"], item["Labels"]["io.xnai.config"])
            for item in podman
        ),
        "secrets": machine.run("xnai-podman secret ls --format '{{.Name}}' | sort").stdout,
        "volumes": machine.run("xnai-podman volume ls --format '{{.Name}}' | sort").stdout,
        "networks": machine.run("xnai-podman network ls --format '{{.Name}}' | sort").stdout,
        "linger": machine.run("ls /var/lib/systemd/linger").stdout,
        "apt": machine.run("dpkg --audit; dpkg-query -W -f '${Package} ${db:Status-Status}\n'")
        .stdout,
    }


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
