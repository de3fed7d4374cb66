"""The container's health check: exit code 0 while /health answers 200.

It is part of the image, unlike curl, which slim images lack.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request


def main() -> int:
    """Ask /health on this container's own loopback."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:8000/health", timeout=3):
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode("utf-8", "replace"))
    except OSError as error:
        print(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
