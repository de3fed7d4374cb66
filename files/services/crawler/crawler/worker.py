"""One job, from its URL to its file."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from crawler import library, urls
from crawler.apart import extract_apart
from crawler.fetch import Fetcher, NotFetched, Response
from crawler.robots import Robots
from crawler.settings import Settings
from crawler.urls import BadUrl, Url

_REDIRECTS = 5
_HOSTS_REMEMBERED = 1000
_LONGEST_SLEEP_S = 5.0


@dataclass(frozen=True)
class Fetched:
    """A page that is ready to be saved.

    Attributes:
        file: its path in the library.
        content: the document.
    """

    file: str
    content: dict[str, str]


class Worker:
    """Fetches pages one after the other, politely.

    Args:
        settings: checked settings.
        fetcher: does the requests.
        beat: called at least every few seconds while waiting, and before each request.
    """

    def __init__(self, settings: Settings, fetcher: Fetcher, beat: Callable[[], None]) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._beat = beat
        self._robots = Robots(fetcher, settings.user_agent)
        # host -> when it was last asked for a page, time.monotonic()
        self._asked: OrderedDict[str, float] = OrderedDict()

    def fetch(self, text: str) -> Fetched:
        """Fetch the page of a URL and every redirect to it.

        Raises:
            NotFetched: the reason is for crawl:failed.
        """
        try:
            requested = url = urls.parse(text)
            for _ in range(_REDIRECTS + 1):
                answer = self._ask(url)
                if answer.status == 200:
                    page = extract_apart(
                        self._settings.page, url, answer.content_type, answer.charset, answer.body
                    )
                    return Fetched(
                        library.file_name(requested), library.document(requested, url, page)
                    )
                if not 300 <= answer.status < 400 or answer.location is None:
                    raise NotFetched(f"{url}: HTTP {answer.status}")
                url = url.joined(answer.location)
        except BadUrl as error:
            raise NotFetched(str(error)) from error
        raise NotFetched(f"more than {_REDIRECTS} redirects, the last to {url}")

    def _ask(self, url: Url) -> Response:
        # First the owner's list: a site that is not on it is not even asked for its robots.txt.
        if reason := self._settings.allow.why_not_site(url):
            raise NotFetched(reason)
        self._beat()
        if reason := self._robots.why_not(url):
            raise NotFetched(reason)
        asked_s = self._robots.delay_s(url)
        if asked_s > self._settings.max_delay_s:
            raise NotFetched(
                f"{url.origin}/robots.txt asks for {asked_s:g} s between two pages; "
                f"allowed: {self._settings.max_delay_s} s, set in CRAWLER_MAX_DELAY_S"
            )
        self._wait(url.host, max(asked_s, self._settings.delay_s))
        self._beat()
        try:
            return self._fetcher.get(url, self._settings.max_bytes)
        finally:
            self._asked[url.host] = time.monotonic()
            if len(self._asked) > _HOSTS_REMEMBERED:
                self._asked.popitem(last=False)

    def _wait(self, host: str, delay_s: float) -> None:
        last = self._asked.pop(host, None)
        if last is None:
            return
        while (left := last + delay_s - time.monotonic()) > 0:
            self._beat()
            time.sleep(min(left, _LONGEST_SLEEP_S))
