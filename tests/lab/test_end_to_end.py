"""A deployed machine stays right, and gets right again."""

from __future__ import annotations

import pytest

from tests.lab.host_tests import host_tests_pass
from tests.lab.migrations import migrated_alone
from tests.lab.state_of import listing, provisioned
from xnai.lab.deploying import deploy

pytestmark = pytest.mark.lab


@pytest.mark.quick
def test_second_run_executes_nothing_and_the_host_tests_pass(deployed, reference):
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    host_tests_pass(deployed)
    assert provisioned(deployed) == reference


def test_each_task_alone_executes_nothing_either(deployed):
    for name in ("preflight", "memory", "containers", "images", "secrets", "stack", "verify"):
        outcome = deploy(deployed, deploy_file=f"tasks/{name}.py")
        assert (outcome.code, outcome.changed) == (0, ()), f"{name}: {outcome.log}"


def test_drift_of_sysctl_zram_files_units_and_container_is_mended(deployed):
    before = provisioned(deployed)
    deployed.run("echo '# by hand' >> /etc/sysctl.d/90-xnai.conf")
    deployed.run("chmod 0700 /usr/local/bin/xnai-podman")
    deployed.run("echo '# by hand' >> /etc/systemd/user/xnai-stack.service")
    deployed.run("rm /etc/systemd/user/default.target.wants/xnai-stack.service")
    deployed.run("sysctl -w vm.swappiness=60 || echo 60 > /proc/sys/vm/swappiness")
    # Not through the unit: as somebody does it by hand.
    deployed.run(
        # Again where systemd was faster: with the start of any service it sets the swap up anew.
        "for i in $(seq 9); do swapoff /dev/zram0; echo 1 > /sys/block/zram0/reset; "
        "echo lz4 > /sys/block/zram0/comp_algorithm; echo 512M > /sys/block/zram0/disksize; "
        "mkswap /dev/zram0 && swapon -p 5 /dev/zram0 && exit; sleep 1; done; exit 1"
    )
    deployed.run("xnai-podman rm --force xnai_rag_api")
    outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    assert [name.split(" (")[0] for name in outcome.changed] == [
        "memory: /etc/sysctl.d/90-xnai.conf", "memory: load sysctls", "memory: zram0",
        "containers: /usr/local/bin/xnai-podman", "stack: bring up rag_api",
        "stack: /etc/systemd/user/xnai-stack.service", "stack: enable xnai-stack.service at boot",
    ]
    assert "size 512 -> " in outcome.changed[2] and "mode 0700 -> 0755" in outcome.changed[3]
    assert provisioned(deployed) == before
    assert deploy(deployed).changed == ()


@pytest.mark.drill_only
def test_drift_of_image_secret_and_limit_is_mended(deployed):
    deployed.run(
        "xnai-podman untag $(xnai-podman images --format '{{.Repository}}:{{.Tag}}' "
        "| grep localhost/xnai_docs:)"
    )
    deployed.run("xnai-podman secret rm xnai_redis_auth_conf")
    deployed.run("xnai-podman update --memory 80m xnai_curation_worker")
    outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    said = " ".join(outcome.changed)
    for words in (
        "images: build localhost/xnai_docs:", "(absent: xnai_redis_auth_conf)",
        "redis (secret xnai_redis_auth_conf changed)", "docs (its image changed)",
        "curation_worker (drifted: limit mib 80 -> 96)",
    ):
        assert words in said, said
    assert deploy(deployed).changed == ()


def test_changed_size_of_zram_is_applied_at_once(deployed):
    outcome = deploy(deployed, "--data", "zram_size_pct_of_ram=100")
    assert outcome.code == 0, outcome.log
    ram_mib = int(deployed.run("grep ^MemTotal: /proc/meminfo").stdout.split()[1]) // 1024
    size_mib = int(deployed.run("cat /sys/block/zram0/disksize").stdout) // 2**20
    assert size_mib == ram_mib
    assert deploy(deployed).code == 0  # back to the settings of the files


def test_reboot_brings_everything_back_with_nobody_logged_in(deployed):
    before = provisioned(deployed)
    deployed.reboot()
    # At once, while health checks have their start period: waited for, and no change.
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    # tests/host passed above on a machine that had been booted since its deploy, as each copy has.
    migrated_alone(deployed)
    assert provisioned(deployed) == before


def test_refused_machine_is_unchanged(new_machine):
    old = new_machine("refused", release="bookworm", memory_mib=2048)
    before = listing(old)
    outcome = deploy(old)
    assert outcome.code != 0
    assert "Debian" in outcome.log and "nothing was changed" in outcome.log
    assert listing(old) == before
    old.down()
