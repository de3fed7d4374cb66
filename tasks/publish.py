"""Rendered files and reports into git: pyinfra inventory.py tasks/publish.py

Commits to a branch of its own and, where the settings name a remote and the diff was shown once,
pushes. Nothing is changed on a host; what is refused changes nothing anywhere.
"""

import sys
from importlib.metadata import version
from pathlib import Path

from pyinfra import host
from pyinfra.context import ctx_host, ctx_state

from tasks import images
from xnai.publish import by_value
from xnai.publish.git import NotPublished
from xnai.publish.publish import Published, files_of, publish
from xnai.publish.request import ToPublish
from xnai.remote.lease import is_dry
from xnai.reports.documents import Names
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, connector_arguments, fail_host, this_host_alone
from xnai.settings.model import Settings
from xnai.stack.catalogue import dockerfiles
from xnai.stack.plan import plan

_looked: set[str] = set()


def apply() -> None:
    """Look for this host's secrets in what is to be published; after the last host publish it."""
    settings = current()
    if settings.report_repository is None:
        fail_host(
            "publish: of which repository? --data report_repository=/home/me/omega, a git checkout "
            "on this machine. Nothing was changed."
        )
    repository = Path(settings.report_repository)
    wanted = _wanted(settings)
    asked = by_value.command(settings, files_of(repository, wanted))
    how = connector_arguments(ctx_host.get(), ctx_state.get()) | asked.connector_arguments
    _, output = ctx_host.get().run_shell_command(asked, **how)
    found = by_value.found(output.stdout_lines)
    if found is None:
        fail_host(
            "publish: whether this host's secrets stand in what is to be published could not be "
            "told: xnai triage. Nothing was changed."
        )
    if found:
        listed = "\n  ".join(map(str, found))
        fail_host(f"publish: a secret is among it:\n  {listed}\nNothing was changed.")
    _looked.add(host.name)
    # Not a host that has failed meanwhile: it is said, and is not among them.
    if _looked < {one.name for one in ctx_state.get().active_hosts}:
        return
    try:
        _told(publish(repository, wanted), wanted)
    except NotPublished as refused:
        fail_host(f"publish: {refused}. Nothing was changed.")


def _wanted(settings: Settings) -> ToPublish:
    inputs = images.inputs(settings)
    rendered = {name: text.encode() for name, text in dockerfiles(settings).items()}
    rendered |= {one.name: one.text.encode() for one in plan(settings, inputs).files.values()}
    return ToPublish(
        branch=settings.publish_branch, remote=settings.publish_remote or "",
        called=Names.of(settings),
        rendered=rendered, images={item.name: item.reference for item in inputs},
        version=version("xnai"), is_dry=is_dry(),
    )


def _told(done: Published, wanted: ToPublish) -> None:
    if wanted.is_dry or done.note:
        # The standard output is pyinfra's own, for --json.
        sys.stderr.write(done.diff)
    for path in done.kept:
        host.log(f"publish: {path} is not ours or was changed: it stays, ours is {path}.xnai")
    verb = "would be committed" if wanted.is_dry else f"committed to {wanted.branch}"
    for commit, message in done.commits:
        host.log(f"publish: {commit[:12]} {message} ({verb})")
    if not done.commits and not done.pushed:
        host.log("publish: nothing new")
    if done.pushed:
        host.log(f"publish: pushed to {wanted.remote}, branch {wanted.branch}")
    if done.note:
        host.log(f"publish: {done.note}")


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
