"""The RAG API, as far as the worker needs it."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from urllib.parse import quote

from service_common.passages import split

from curation_worker.library import Page, Poison

# Below the health check's limit for the heartbeat, which stands still meanwhile.
_TIMEOUT_S = 30
_SHOWN_CHARACTERS = 300
# What the API says about a document. Every other refusal (401: another token, 421: its list of
# hosts, 429, 5xx) is about the service, and no reason to give a document up.
_ABOUT_THE_DOCUMENT = (400, 413, 422)


class Unavailable(Exception):
    """The API does not take anything now; the text says why."""


class Api:
    """The API at `url`, with its token for /ingest."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        # No proxy: Podman hands the host's proxy variables on, and the API is a neighbour.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ingest(self, page: Page) -> int:
        """Bring a page into the index, in place of its former content.

        Returns:
            The number of passages written; 0 for a page that was there already.

        Raises:
            Poison: the API refuses this page.
            Unavailable: it takes nothing now.
        """
        document = {
            "id": page.id, "title": page.title, "source": page.url, "passages": split(page.text),
        }
        body = json.dumps({"documents": [document]}, ensure_ascii=False).encode()
        answer = self._send("POST", "/ingest", body)
        try:
            return int(json.loads(answer)["passages"])
        except (ValueError, LookupError, TypeError):
            raise Unavailable(f"{self._url}/ingest is not the RAG API: {answer[:100]!r}") from None

    def remove(self, document: str) -> None:
        """Take a document out of the index, where it is there.

        Raises:
            Unavailable: the API takes nothing now.
        """
        self._send("DELETE", f"/ingest/{quote(document, safe='')}", None)

    def _send(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}{path}", body, headers, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as response:
                answer: bytes = response.read()
                return answer
        except urllib.error.HTTPError as error:
            said = error.read(_SHOWN_CHARACTERS).decode("utf-8", "replace")
            text = f"{method} {self._url}{path.partition('/web-')[0]}: HTTP {error.code} {said}"
            if method == "DELETE" and error.code == 404 and "no document" in said:
                return b""
            if error.code in _ABOUT_THE_DOCUMENT:
                raise Poison(text) from None
            raise Unavailable(text) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self._url}: {error or type(error).__name__}") from None
