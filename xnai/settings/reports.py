"""Settings of the reports and of their repository: where they go and how they are called."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.settings import checks
from xnai.settings.declaration import setting

_BELOW = checks.pattern(
    r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._/-]{0,200}(?<!/)", "a path below the repository, without .."
)


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Where reports go and how they are called."""

    report_repository: str | None = setting(
        None,
        checks.optional(checks.host_path),
        "For tasks/report.py: a git checkout on the machine that you type on, into which the "
        "reports are written (docs/reports.md). None: nowhere.",
        section="reports (docs/reports.md)",
    )
    report_phase: str = setting(
        "Phase 5",
        checks.pattern(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,40}", "a few words: A-Z a-z 0-9 . _ -"),
        "What the headings of the reports begin with.",
    )
    report_progress: str = setting(
        "memory_bank/progress.md", _BELOW, "Where the page on progress is in that repository."
    )
    report_meta: str = setting(
        "_meta", _BELOW, "Where the other pages are; what was measured is in _meta/xnai."
    )
    report_names: bool = setting(
        False,
        checks.boolean,
        "Whether reports name hosts, users and addresses. False: host-1, [user], [address].",
    )
    publish_branch: str = setting(
        "xnai/reports",
        checks.pattern(
            r"[A-Za-z0-9][A-Za-z0-9._/-]{0,100}", "a name of a branch: A-Z a-z 0-9 . _ / -"
        ),
        "The branch that tasks/publish.py commits to; it must not be checked out.",
    )
    publish_remote: str | None = setting(
        None,
        checks.optional(checks.pattern(
            r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}", "a name of a remote: A-Z a-z 0-9 . _ -"
        )),
        "The remote that it pushes to, once the diff was shown. None: nothing is pushed.",
    )
