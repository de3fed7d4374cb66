"""The stack's containers from one compose file, at every boot, healthy."""

from io import StringIO

from pyinfra import host
from pyinfra.operations import files, server

from tasks import preflight, verify
from xnai.facts.sections import file_difference
from xnai.image_content import build_inputs
from xnai.operations import stack
from xnai.pyinfra_ext import RUN_BY_PYINFRA, this_host_alone
from xnai.render import render
from xnai.settings import current
from xnai.stack_plan import differences, plan
from xnai.stack_reading import compose_file, read_running, read_store, unit, unit_file


def apply() -> None:
    """Declare what differs between the plan and the host's containers."""
    settings = current()
    wanted = plan(settings, build_inputs(settings))
    facts = read_store(host, settings)
    user = settings.stack_user

    path = compose_file(settings)
    state = facts.files.get(path)
    if difference := file_difference(state, wanted.compose_text, "0644", user, user):
        files.put(
            name=f"stack: {path} ({difference})",
            src=StringIO(wanted.compose_text), dest=path, mode="0644", user=user, group=user,
        )
    reasons = differences(wanted, facts.containers, facts.secrets)
    if reasons:
        shown = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
        stack.bring_up(
            name=f"stack: bring up {shown}",
            stack_name=settings.stack_name,
            compose_file=path,
            recreate=[service for service in wanted.services if service.name in reasons],
            read=lambda name: read_running(host, settings, check=name),
            timeout_s=settings.stack_healthy_timeout_s,
        )
    _at_boot(settings, facts)


def _at_boot(settings, facts):
    """The boot unit: in place and enabled."""
    path = unit_file(settings)
    text = render(
        "stack/xnai-stack.service.j2",
        stack_name=settings.stack_name, stack_user=settings.stack_user,
    )
    if difference := file_difference(facts.files.get(path), text):
        files.put(name=f"stack: {path} ({difference})", src=StringIO(text), dest=path, mode="0644")
    if not facts.enabled:
        server.shell(
            name=f"stack: enable {unit(settings)} at boot",
            commands=[f"systemctl --global enable {unit(settings)}"],
        )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        apply()
        verify.waiting()
