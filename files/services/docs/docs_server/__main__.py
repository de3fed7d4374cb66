"""`python -m docs_server`: the service."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from service_common import env

from docs_server import site
from docs_server.server import HOSTS, Server


def main() -> None:
    """Serve until SIGTERM."""
    # An answer on its way may be cut; the browser asks again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    directory = Path(env.text("DOCS_DIR", "/app/site"))
    address = env.text("DOCS_ADDRESS", "0.0.0.0"), env.integer("DOCS_PORT", 8002, 1, 65535)
    files = site.read(directory)
    with Server(address, files, env.listed(HOSTS, "127.0.0.1,localhost")) as server:
        print(f"serving {len(files)} paths of {directory} on {address[0]}:{address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
