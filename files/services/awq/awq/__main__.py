"""`python -m awq MODEL_DIR OUTPUT_DIR --calibration FILE`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from awq import calibration, quantise
from awq.checks import Job, Refused, check
from awq.output import made_whole


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _job(arguments: list[str] | None) -> Job:
    parser = argparse.ArgumentParser(
        prog="python -m awq",
        description="Quantise a local model with AWQ to 4 bits, on the CPU and offline.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL_DIR",
                        help="directory with config.json, weights and tokenizer")
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIR", help="must not exist yet")
    parser.add_argument("--calibration", type=Path, metavar="FILE", required=True,
                        help="texts like those that the model will read: .jsonl with {\"text\": …} "
                             "a line, or plain text with blank lines between")
    parser.add_argument("--samples", type=_positive, default=128, metavar="N",
                        help="texts to take (default: 128)")
    parser.add_argument("--sequence-length", type=_positive, default=512, metavar="N",
                        help="tokens of a text that are read (default: 512)")
    parser.add_argument("--group-size", type=int, default=128, choices=(16, 32, 64, 128),
                        help="weights that share a scale (default: 128)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of texts (default: 0)")
    given = parser.parse_args(arguments)
    return Job(
        # Without "." and "..": the result's neighbour is made of its name.
        given.model, Path(given.output).resolve(), given.group_size, given.calibration,
        given.samples, given.sequence_length, given.seed,
    )


def main(
    arguments: list[str] | None = None,
    run: Callable[[Job, list[str], Path], None] = quantise.run,
) -> int:
    """Return 0 when the result is in its place, 1 when it was refused, 2 for wrong arguments.

    Args:
        arguments: of the command line.
        run: what quantises.
    """
    job = _job(arguments)
    # As an exception, so that what was begun is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        check(job)
        texts = calibration.texts(job.calibration, job.samples, job.seed)
        with made_whole(job) as directory:
            run(job, texts, directory)
    except Refused as error:
        print(f"awq: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"awq: {error}; install requirements.txt (3 GB)", file=sys.stderr)
        return 1
    print(f"{job.output} is ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
