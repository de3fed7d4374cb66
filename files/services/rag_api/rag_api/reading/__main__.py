"""`python -m rag_api.reading SOURCE < FILE`: print the file as a document, in JSON.

For the server, whose threads forbid a plain fork.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from rag_api import settings
from rag_api.reading.apart import read_apart
from rag_api.reading.parts import Unreadable


def main() -> int:
    """Read, print, and return 0; why there is no document is an answer too."""
    try:
        document, notice = read_apart(
            sys.argv[1], sys.stdin.buffer.read(), settings.most_unpacked_bytes()
        )
        said: dict[str, object] = {"document": asdict(document), "notice": notice}
    except Unreadable as error:
        said = {"failed": str(error)}
    json.dump(said, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
