"""Everything that is wrong with a host, at once, before the first change."""

from pyinfra import host, logger

from xnai.diagnostics.blocks import block, one_line, render_table
from xnai.diagnostics.finding import blocks
from xnai.facts.machine.model import PreflightFacts
from xnai.preflight.judge import judge
from xnai.run import reading
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, this_host_alone
from xnai.settings.model import Settings


def look(settings: Settings) -> PreflightFacts:
    """Return what preflight read on the current host, once a run."""
    return reading.look(host, settings)


def apply(for_all_steps: bool = False) -> None:
    """Judge the host; with an error print all findings and go no further.

    Args:
        for_all_steps: read also what the other steps of a deploy compare, by the same command.
    """
    settings = current()
    if for_all_steps:
        reading.survey(host, settings, to_deploy=True)
    findings = judge(look(settings), settings)
    if blocks(findings):
        fail_host(f"preflight, nothing was changed:\n{render_table(findings)}")
    for finding in findings:
        text = one_line(finding) if finding.severity == "note" else block(finding, colour=False)
        write = logger.info if finding.severity == "note" else logger.warning
        for line in text.splitlines():
            write(f"{host.print_prefix}{line}")


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
