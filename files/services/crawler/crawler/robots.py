"""robots.txt as RFC 9309 has it."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from protego import Protego

from crawler.fetch import Fetcher, NotFetched
from crawler.urls import BadUrl, Url

_LIMIT_BYTES = 512 * 1024  # "at least 500 kibibytes" (2.5); the rest is not read
_REDIRECTS = 5
_KEPT_S = 3600.0  # "SHOULD NOT use the cached version for more than 24 hours" (2.4)
_KEPT_SITES = 1000
_EVERYTHING = "User-agent: *\nDisallow:\n"


@dataclass(frozen=True)
class Rules:
    """What one site allows.

    Attributes:
        parsed: its rules; None where they could not be read, and then nothing is allowed.
        why: the reason for None.
        read_at: of time.monotonic(), s.
    """

    parsed: Protego | None
    why: str
    read_at: float


class Robots:
    """The rules of the sites, kept for an hour."""

    def __init__(self, fetcher: Fetcher, user_agent: str) -> None:
        self._fetcher = fetcher
        # Rules are looked up by the product token (2.2.1): the name before the version.
        self._token = user_agent.partition("/")[0]
        self._kept: OrderedDict[str, Rules] = OrderedDict()

    def why_not(self, url: Url) -> str | None:
        """Return why a URL is not to be fetched, or None."""
        rules = self._rules(url)
        if rules.parsed is None:
            return f"{url.origin}/robots.txt cannot be read, so nothing is allowed: {rules.why}"
        if rules.parsed.can_fetch(str(url), self._token):
            return None
        return f"{url.origin}/robots.txt forbids {url.target} to {self._token}"

    def delay_s(self, url: Url) -> float:
        """Return the seconds that a site wants between two requests; 0 where it says none."""
        parsed = self._rules(url).parsed
        asked = (parsed.crawl_delay(self._token) if parsed else None) or 0.0
        return asked if math.isfinite(asked) and asked > 0 else 0.0

    def _rules(self, url: Url) -> Rules:
        kept = self._kept.pop(url.origin, None)
        if kept is None or time.monotonic() - kept.read_at > _KEPT_S:
            parsed, why = self._read(Url(url.scheme, url.host, url.port, "/robots.txt"))
            kept = Rules(parsed, why, time.monotonic())
        self._kept[url.origin] = kept
        if len(self._kept) > _KEPT_SITES:
            self._kept.popitem(last=False)
        return kept

    def _read(self, url: Url) -> tuple[Protego | None, str]:
        """Fetch and parse; a redirect that leaves the allowed domains counts as unreachable."""
        for _ in range(_REDIRECTS + 1):
            try:
                answer = self._fetcher.get(url, _LIMIT_BYTES, cut=True)
            except NotFetched as error:
                return None, str(error)
            if answer.status == 200:
                return Protego.parse(answer.body.decode("utf-8-sig", "replace")), ""
            if 400 <= answer.status < 500:
                return Protego.parse(_EVERYTHING), ""
            if not 300 <= answer.status < 400 or answer.location is None:
                return None, f"HTTP {answer.status}"
            try:
                url = url.joined(answer.location)
            except BadUrl as error:
                return None, str(error)
        return None, f"more than {_REDIRECTS} redirects"
