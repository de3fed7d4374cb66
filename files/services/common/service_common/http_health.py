"""A health check over HTTP, because slim images have no curl.

`python -m service_common.http_health http://127.0.0.1:8000/health` exits 0 for an answer 200.
"""

from __future__ import annotations

import http.client
import sys
import urllib.error
import urllib.request

_TIMEOUT_S = 3
_SHOWN_BYTES = 2000


def reason_against(url: str) -> str | None:
    """Return None where `url` answers 200 within 3 s, else what it said instead."""
    # No proxy: the check asks its own container, whatever HTTP_PROXY says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_S) as response:
            if response.status == http.HTTPStatus.OK:
                return None
            return f"{url}: HTTP {response.status}"
    except urllib.error.HTTPError as error:
        body = error.read(_SHOWN_BYTES).decode("utf-8", "replace").strip()
        return f"{url}: HTTP {error.code} {body}"
    except urllib.error.URLError as error:
        return f"{url}: {error.reason}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{url}: {type(error).__name__}: {error}"


def main(arguments: list[str]) -> int:
    """Return 0 for a healthy address; else print the reason and return 1."""
    if len(arguments) != 1:
        print("usage: python -m service_common.http_health URL")
        return 1
    reason = reason_against(arguments[0])
    if reason is None:
        return 0
    print(reason)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
