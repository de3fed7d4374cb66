"""vikunja_account.create: what is sent to the host."""

from __future__ import annotations

from operation_runs import commands, on_a_host
from rendering import stack
from unit_settings import make

from xnai.operations import vikunja_account
from xnai.programs.account.bundle import make_spec

SPEC = make_spec(stack(make()), "anna", "anna@example.org")


def test_the_password_goes_through_the_input_alone():
    with on_a_host():
        found = commands(
            vikunja_account.create, spec=SPEC, home="/home-of-roots",
            password=lambda: "correct horse",
        )
    last = found[-1]
    assert last.connector_arguments["_stdin"] == ["correct horse"]
    for one in found:
        assert "correct horse" not in str(one)
    # vikunja_account.create: sent, run while nothing else of ours is, and removed.
    assert "; flock -o " in str(last) and "rm -f /home-of-roots/vikunja-account-" in str(last)
