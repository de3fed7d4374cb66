"""Reports from what was measured, into the user's repository: pyinfra inventory.py tasks/report.py

Asks each host as `xnai triage` does, audits the repository's own build files, and renders. Nothing
is changed on a host; nothing is committed.
"""

import sys
from pathlib import Path

from pyinfra import host
from pyinfra.context import ctx_host, ctx_state

from xnai.remote.lease import is_dry
from xnai.reports.documents import Names
from xnai.reports.measure import kept, now, shown_names
from xnai.reports.render import told, wanted
from xnai.reports.write import NotWritten, write
from xnai.run.context import current
from xnai.run.inspect import Answer
from xnai.run.pyinfra import RUN_BY_PYINFRA, HostFailed, fail_host, this_host_alone
from xnai.triage.ask import triage

# One name for all that a run measures.
_WHEN = now()


def apply() -> None:
    """Measure this host, and render all pages from what lies in the repository."""
    settings = current()
    if settings.report_repository is None:
        fail_host(
            "report: into which repository? --data report_repository=/home/me/omega, a git "
            "checkout on this machine. Nothing was written."
        )
    repository = Path(settings.report_repository)
    if not (repository / ".git").exists():
        fail_host(f"report: {repository} is no git checkout. Nothing was written.")
    called = Names.of(settings)
    names = [one.name for one in ctx_state.get().inventory]
    shown = shown_names(names, masked=not settings.report_names)
    if not is_dry():
        try:
            answer = Answer(host.name, triage(ctx_host.get()), "")
        except HostFailed as failed:
            answer = Answer(host.name, None, str(failed))
        kept(repository, _WHEN, [answer], shown, called, Path("baselines"), settings.report_names)
    try:
        changes, unreadable = wanted(repository, called)
    except NotWritten as refused:
        fail_host(f"report: {refused}")
    if is_dry():
        # The standard output is pyinfra's own, for --json.
        sys.stderr.write("".join(one.diff for one in changes))
    else:
        write(repository, changes)
    for line in told(changes, unreadable, is_dry()):
        host.log(f"report: {line}")


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
