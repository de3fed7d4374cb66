"""An account of Vikunja's, its password asked for and never an argument (docs/vikunja.md)."""

from pyinfra import host

from tasks import images
from xnai.facts.podman_call import PodmanUnknown
from xnai.operations import vikunja_account
from xnai.programs.account.bundle import VIKUNJA, make_spec
from xnai.remote.lease import is_dry
from xnai.run import password as asked_password
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, this_host_alone
from xnai.run.store import (
    read_running,
    read_store,
    refuse_unfinished_restore,
    refuse_unfinished_rotation,
)
from xnai.stack.paths import backup_home
from xnai.stack.services.vikunja import VikunjaSettings

# Asked for once, whatever the number of hosts.
_passwords: dict[str, str] = {}


def apply() -> None:
    """Declare the account that the settings name."""
    settings = current()
    own = settings.of(VikunjaSettings)
    name, email = own.vikunja_account_name, own.vikunja_account_email
    if not (name and email):
        fail_host(
            "which account? pyinfra inventory.py tasks/vikunja_account.py --data "
            "vikunja_account_name=anna --data vikunja_account_email=anna@example.org. Nothing was "
            "changed."
        )
    wanted = images.stack_plan(settings)
    service = next((one for one in wanted.services if one.name == VIKUNJA), None)
    if service is None:
        fail_host("vikunja = False: this machine has none. Nothing was changed.")
    facts = read_store(host, settings)
    refused = refuse_unfinished_restore(settings, facts)
    if refused := refused or refuse_unfinished_rotation(settings, facts):
        fail_host(f"account: {refused}")
    # Its program migrates the database before it does anything else: never beside a server that
    # still does.
    containers = {} if isinstance(facts.containers, PodmanUnknown) else read_running(
        host, settings, service.container_name, service.ready_url
    )
    container = containers.get(service.container_name)
    if container is None or not container.is_up:
        fail_host(
            f"account: {service.container_name} is not up and serving: pyinfra inventory.py "
            "deploy.py, then this again. Nothing was changed."
        )
    if not is_dry() and name not in _passwords:
        _passwords[name] = asked_password.ask(f"Vikunja's account {name}")
    vikunja_account.create(
        name=f"account: {name} ({email}) in Vikunja",
        spec=make_spec(wanted, name, email),
        home=backup_home(settings),
        password=lambda: _passwords.get(name, ""),
    )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
