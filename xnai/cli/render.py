"""`xnai render`: what a deploy would write and build from, without a deploy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from pyinfra.api.host import Host

from xnai.images.content import ContextFile, context_files
from xnai.images.tree import TreeRefused
from xnai.run import inspect as looking
from xnai.run.context import current
from xnai.run.inspect import Where
from xnai.run.options import GOOD, UNKNOWN, print_errors, with_hosts
from xnai.run.pyinfra import HostFailed
from xnai.settings import layers
from xnai.stack.catalogue import build_inputs, tree_problems
from xnai.stack.plan import plan


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@with_hosts
def render(
    folder: Path, inventory_file: str, group_data: tuple[str, ...], data: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write each host's compose files and its images' Dockerfiles with all that they copy.

    FOLDER, a new directory, gets HOST/stack and HOST/build, as they stand on a host below
    /var/lib/xnai/NAME. A host is asked about itself alone, and nothing is changed on it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise looking.WrongCall(f"{folder} is not empty: name a new directory, or remove it first")

    def question(host: Host) -> dict[str, ContextFile]:
        settings = current(host)
        where = layers.origin(layers.layers(host), "service_sources")
        if found := tree_problems(settings, where):
            raise HostFailed("these trees cannot be built:\n" + "\n".join(found))
        try:
            inputs = build_inputs(settings)
        except TreeRefused as refused:
            raise HostFailed(str(refused)) from None
        composed = plan(settings, inputs).files.values()
        stack = {f"stack/{one.name}": ContextFile(one.text.encode()) for one in composed}
        return stack | {f"build/{path}": file for path, file in context_files(inputs).items()}

    answers = looking.ask_each(Where(inventory_file, group_data, data), question)
    written: dict[str, list[str]] = {}
    for answer in answers:
        if answer.value is None:
            continue
        # A host's name may be an address; no part of it leads out of the folder.
        at = folder / (answer.host.removeprefix("@").replace("/", "_").lstrip(".") or "host")
        for name, file in answer.value.items():
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            (at / name).write_bytes(file.content)
            (at / name).chmod(0o755 if file.executable else 0o644)
        written[answer.host] = [str(at / name) for name in answer.value]
    if as_json:
        errors = {answer.host: answer.error for answer in answers if answer.error}
        click.echo(json.dumps({"written": written, "errors": errors}, indent=2))
    else:
        for host, names in written.items():
            click.echo(f"[{host}] {len(names)} files in {Path(names[0]).parents[1]}")
        print_errors(answers)
    sys.exit(GOOD if written and len(written) == len(answers) else UNKNOWN)
