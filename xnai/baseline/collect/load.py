"""Requests to the RAG API, one after the other, as a person would ask."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request

# Each is another question: the API keeps answers, and would not ask its model twice.
_QUESTION = "What is known about memory, swap and containers? (question {number} of {run})"


class Load(threading.Thread):
    """A number of requests, each timed."""

    def __init__(self, url: str, requests: int, run: str, limit_s: float) -> None:
        """Make it; `start` begins.

        Args:
            url: of POST /query.
            requests: how many.
            run: what tells this run's questions from others'.
            limit_s: a request's.
        """
        super().__init__(daemon=True)
        self.done: list[dict[str, object]] = []
        self._url, self._requests, self._run, self._limit_s = url, requests, run, limit_s
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def run(self) -> None:
        """Ask them all."""
        for number in range(1, self._requests + 1):
            body = json.dumps({
                "question": _QUESTION.format(number=number, run=self._run), "stream": False,
            }).encode()
            started = time.monotonic()
            said = self._ask(body)
            self.done.append({
                "number": number, "started_s": started, "seconds": time.monotonic() - started,
                "error": said,
            })

    def _ask(self, body: bytes) -> str:
        """Ask once; return what went wrong, or an empty text."""
        request = urllib.request.Request(  # noqa: S310  (an address of this machine)
            self._url, data=body, headers={"content-type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=self._limit_s) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code}"
        except OSError as error:
            return f"{type(error).__name__}: {getattr(error, 'reason', error)}"
        return ""
