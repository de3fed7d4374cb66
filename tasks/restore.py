"""An archive of tasks/backup.py in place of a deployed machine's data (docs/backup.md)."""

from pathlib import PurePosixPath

from pyinfra import host

from tasks import backup as backup_task
from tasks import images
from xnai.facts.podman import StoreFacts
from xnai.facts.podman_call import PodmanUnknown
from xnai.operations import backup
from xnai.operations.stack import stack_of
from xnai.programs.backup.bundle import make_spec
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, this_host_alone
from xnai.run.store import other_files, read_store
from xnai.settings.model import Settings
from xnai.stack.catalogue import secret_forms
from xnai.stack.paths import backup_home
from xnai.stack.plan import StackPlan, foreign


def apply() -> None:
    """Declare the restore onto a machine that was deployed with these settings."""
    settings = current()
    if settings.restore_from is None:
        fail_host(
            "restore_from is not set: pyinfra inventory.py tasks/restore.py --data "
            "restore_from=/path/of/the/archive/on/the/host. Nothing was changed."
        )
    wanted = images.stack_plan(settings)
    if found := _lacking(settings, wanted, read_store(host, settings)):
        fail_host(
            f"restore: this machine is not as these settings would have it: {', '.join(found)}. "
            "Data are restored onto a deployed machine, healthy or not: pyinfra inventory.py "
            "deploy.py, then this again. Nothing was changed."
        )
    needed = ("age",) if settings.restore_age_identity_file else ()
    backup_task.encryption(settings, *needed)
    backup.restore(
        name=f"restore: {PurePosixPath(settings.restore_from).name}",
        spec=make_spec(settings, wanted, "restore", backup_task.copy_command()),
        home=backup_home(settings),
        of=stack_of(host, settings, wanted),
    )


def _lacking(settings: Settings, wanted: StackPlan, facts: StoreFacts) -> list[str]:
    """What a deploy would have to make first; services that are down or ill are no matter."""
    if isinstance(facts.containers, PodmanUnknown) or isinstance(facts.secrets, PodmanUnknown):
        return ["no Podman yet"]
    found = other_files(settings, wanted, facts)
    names = [service.container_name for service in wanted.services]
    found += [f"{name} (absent)" for name in names if name not in facts.containers]
    strangers = foreign(wanted, facts.containers, settings.stack_name)
    found += [f"{name} (somebody else's)" for name in strangers]
    secrets = [name for forms in secret_forms(settings) for name in forms]
    return found + [f"secret {name} (absent)" for name in secrets if name not in facts.secrets]


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
