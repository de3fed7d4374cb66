"""The fact by which a deploy asks zram-generator, before zram0 is started."""

from __future__ import annotations

from pyinfra.api.command import StringCommand
from pyinfra.api.facts import FactBase

from xnai.facts.machine.generator import GeneratorAnswer, parsed, question


class ZramGenerator(FactBase[GeneratorAnswer]):
    """Return what the host's zram-generator makes of its files with ours among them."""

    abstract = False

    @staticmethod
    def default() -> GeneratorAnswer:
        """Return an answer that was not given."""
        return GeneratorAnswer()

    def command(self, our_path: str, our_text: str) -> StringCommand:
        """Return the question; the arguments are those of `question`."""
        return StringCommand(question(our_path, our_text))

    def process(self, output: list[str]) -> GeneratorAnswer:
        """Return the answer; unknown where there is none."""
        return parsed(output[-1] if output else "")
