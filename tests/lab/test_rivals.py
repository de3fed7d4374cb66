"""Somebody else's settings and stacks are named before anything is changed."""

from __future__ import annotations

import pytest

from tests.lab.state_of import provisioned
from xnai.lab.deploying import deploy

pytestmark = pytest.mark.lab

RIVAL = "/etc/sysctl.d/99-zz-mine.conf"


@pytest.mark.family("rival")
def test_sysctl_rival_that_wins_stops_the_run_and_is_set_aside_where_asked(deployed):
    deployed.run(f"printf '# mine\\nvm.swappiness = 10\\n' > {RIVAL}")
    before = provisioned(deployed)
    outcome = deploy(deployed)
    assert outcome.code != 0
    assert f"{RIVAL}:2" in outcome.log
    assert "10" in outcome.log and "180" in outcome.log and "memory_rivals" in outcome.log
    assert provisioned(deployed) == before

    # Set aside where that is asked for.
    deployed.run("echo 10 > /proc/sys/vm/swappiness")
    outcome = deploy(deployed, "--data", "memory_rivals=set_aside")
    assert outcome.code == 0, outcome.log
    assert f"memory: set {RIVAL} aside as {RIVAL}.xnai-set-aside" in outcome.changed
    assert deployed.run("cat /proc/sys/vm/swappiness").stdout.strip() == "180"
    assert "vm.swappiness = 10" in deployed.run(f"cat {RIVAL}.xnai-set-aside").stdout
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    deployed.run(f"rm {RIVAL}.xnai-set-aside")


@pytest.mark.family("rival")
def test_rival_with_foreign_keys_is_named_but_never_set_aside(deployed):
    deployed.run(f"printf 'vm.swappiness = 10\\nkernel.sysrq = 1\\n' > {RIVAL}")
    outcome = deploy(deployed, "--data", "memory_rivals=set_aside")
    assert outcome.code != 0
    assert f"{RIVAL}:1" in outcome.log
    assert deployed.run(f"cat {RIVAL}").stdout.startswith("vm.swappiness = 10")
    deployed.run(f"rm {RIVAL}")


@pytest.mark.family("rival")
def test_stack_in_a_login_users_store_blocks_and_is_named(deployed):
    deployed.run(
        "useradd --create-home --shell /bin/bash me && cd / && "
        "runuser -u me -- env -i HOME=/home/me PATH=/usr/bin:/bin:/usr/sbin:/sbin "
        "podman volume create xnai_redis_data"
    )
    before = provisioned(deployed)
    outcome = deploy(deployed)
    assert outcome.code != 0
    assert "me" in outcome.log and "xnai_redis_data" in outcome.log
    assert "nothing was changed" in outcome.log
    assert provisioned(deployed) == before
    deployed.run("pkill -KILL -u me; sleep 1; userdel --force --remove me", check=False)
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


@pytest.mark.family("rival")
def test_a_second_stack_is_refused_and_the_first_ones_name_goes_on(deployed):
    before = provisioned(deployed)
    outcome = deploy(deployed, "--data", "stack_name=work")
    assert outcome.code != 0
    assert "the stack xnai is deployed here, and stack_name is 'work'" in " ".join(
        outcome.log.split()
    )
    assert provisioned(deployed) == before
    # What the refusal says: the first one's name goes on with it.
    assert (deploy(deployed, "--data", "stack_name=xnai").changed) == ()
