"""The stack in a login user's own Podman: nothing of his is replaced."""

from __future__ import annotations

import pytest

from xnai.lab.deploying import deploy, host_tests

pytestmark = [pytest.mark.lab, pytest.mark.drill_only]


def test_stack_runs_as_a_login_user_whose_group_has_another_name(new_machine):
    machine = new_machine("login")
    machine.run(
        "useradd --create-home --no-user-group --gid users --shell /bin/bash me && "
        "install -d -o me -g users /home/me/.config /home/me/.config/containers && "
        "printf '[containers]\\n# mine\\n' > /home/me/.config/containers/containers.conf && "
        "chown me:users /home/me/.config/containers/containers.conf"
    )
    mine = machine.run("cat /home/me/.config/containers/containers.conf").stdout
    words = ("--data", "stack_user=me")
    outcome = deploy(machine, *words)
    assert outcome.code == 0, outcome.log
    outcome = deploy(machine, *words)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    assert machine.run("cat /home/me/.config/containers/containers.conf").stdout == mine
    result = host_tests(machine, "--allow-writes", "--data", "stack_user=me")
    assert result.returncode == 0, result.stdout

    # A container of his that stands where ours should is never removed.
    machine.run("xnai-podman rm --force xnai_rag_api && xnai-podman create --name xnai_rag_api "
                "docker.io/library/redis:8.0")
    outcome = deploy(machine, *words)
    assert outcome.code != 0
    assert "made by somebody else" in outcome.log and "xnai_rag_api" in outcome.log
