"""testinfra checks of a provisioned host: `pytest tests/host --hosts=ssh://laptop`.

Read-only by default. Checks that write are marked `writes` and run only with --allow-writes.
The settings are those that the deploy would use: the same inventory, group_data and RAM.
"""

from __future__ import annotations

import pytest

from xnai.facts.hardware import Hardware
from xnai.models.found import ModelFile
from xnai.run.inspect import Where, loaded
from xnai.run.model_files import command, named_models, parse, with_needs
from xnai.settings import layers
from xnai.settings.model import Settings
from xnai.stack.catalogue import SCHEMA, derive, services
from xnai.stack.model import Service


def pytest_addoption(parser):
    """Add the options of the host tests."""
    parser.addoption("--allow-writes", action="store_true", help="run checks that write, too")
    parser.addoption(
        "--group-data", action="append", default=[], help="as pyinfra's: further directories"
    )
    parser.addoption("--data", action="append", default=[], help="as pyinfra's: name=value")


def pytest_collection_modifyitems(config, items):
    """Deselect (visibly, with a reason) what would write, unless it is allowed."""
    if not config.getoption("--allow-writes"):
        for item in items:
            if item.get_closest_marker("writes"):
                item.add_marker(pytest.mark.skip(reason="writes to the host: --allow-writes"))


@pytest.fixture(scope="module")
def settings(host, request) -> Settings:
    """The effective settings of this host."""
    option = request.config.getoption
    where = Where(group_data=tuple(option("--group-data")), data=tuple(option("--data")))
    wanted = host.backend.get_pytest_id().split("://")[-1]
    with loaded(where) as (inventory, _):
        match = [item for item in inventory if item.name in (wanted, f"@{wanted}")]
        chosen = match[0] if match else next(iter(inventory))
        checked, problems = SCHEMA.check(layers.layers(chosen))
    assert not problems, problems
    fact = Hardware()
    found = fact.process(host.check_output(fact.command()).splitlines())
    assert found is not None
    return derive(checked, found.ram_kib, found.time_zone, _models(host, checked))


def _models(host, checked) -> dict[str, ModelFile]:
    """Return what the host says of the model's file that the settings name, as a deploy asks it."""
    named = named_models(checked)
    if not named:
        return {}
    asked = command(list(named.values()))
    given = "\n".join(asked.connector_arguments["_stdin"])
    lines = host.check_output(f"{asked} <<'EOF'\n{given}\nEOF").splitlines()
    found = dict(zip(named, parse(list(named.values()), lines), strict=True))
    return with_needs(found, checked)


@pytest.fixture(scope="module")
def stack_services(settings) -> tuple[Service, ...]:
    """The catalogue for this host's settings."""
    return services(settings)


@pytest.fixture(scope="module")
def podman(host):
    """Run podman as the stack's user and return its standard output."""

    def run(arguments: str) -> str:
        return host.check_output(f"/usr/local/bin/xnai-podman {arguments}")

    return run
