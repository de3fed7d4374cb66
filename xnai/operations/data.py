"""The data of services whose image changes: copied before, put back with the generation before."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from xnai.operations.program import Program
from xnai.programs.rollback.bundle import bundle
from xnai.programs.rollback.spec import RollbackSpec, containers
from xnai.run.pyinfra import run_within


@dataclass(frozen=True)
class Data:
    """What a bring-up copies first, and puts back where it goes back.

    Attributes:
        spec: what the program on the host is told.
        home: directory of root's on the host, for the program.
    """

    spec: RollbackSpec
    home: str

    @property
    def program(self) -> Program:
        """The program on the host."""
        return Program(bundle(self.spec), "rollback", self.home)

    @property
    def copies(self) -> str:
        """Where the copies are, for a person."""
        return f"{self.spec.backup.directory}/*-before-upgrade-*.tar"

    def since(self) -> list[str]:
        """Return the containers that were recreated since the data were copied; none: no copy."""
        found, output = run_within(f"cat {shlex.quote(self.spec.record)}")
        return containers("\n".join(output.stdout_lines)) if found else []

    def keep(self) -> None:
        """Copy the data while the services stand still.

        Raises:
            OperationError: there is no copy; the services run as before.
        """
        self.program.act("keep", "copying the data before their image changes")

    def back(self) -> list[str]:
        """Put the data from before in place; return in words what became of the present ones.

        Raises:
            OperationError: not all could be put back.
        """
        told = self.program.act("back", "putting the data from before back")
        return [line for line in told if line.startswith("kept: ")]
