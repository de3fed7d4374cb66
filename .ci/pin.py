"""Pin the registry images of group_data/all.py by their present digests: `make pin`.

The registry of each image, or the mirror that --mirror names for it, is asked for the digest
of the tag's manifest (the OCI Distribution Specification: HEAD /v2/<name>/manifests/<tag>, with
a token where it asks for one). A digest is only ever written as the registry gave it; where none
answers nothing is changed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPMessage
from pathlib import Path

ALL_PY = Path(__file__).resolve().parents[1] / "group_data/all.py"
# A list of manifests first: the digest then holds for every processor.
ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
TIMEOUT_S = 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SETTING = re.compile(r'^(?P<name>\w+_image) = "(?P<image>[^"]+)"$', re.MULTILINE)


class NoAnswer(Exception):
    """A registry did not tell the digest; the text says why."""


def _head(url: str, token: str = "") -> HTTPMessage:
    headers = {"Accept": ACCEPT} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, method="HEAD", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        headers_found: HTTPMessage = answer.headers
        return headers_found


def _token(challenge: str) -> str:
    """A token for a challenge such as `Bearer realm="...",service="...",scope="..."`."""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = fields.pop("realm", "")
    if not realm.startswith("https://"):
        raise NoAnswer(f"it asks for a token in a way that is not known here: {challenge!r}")
    url = f"{realm}?{urllib.parse.urlencode(fields)}"
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310
        found = json.load(answer)
    return str(found.get("token") or found.get("access_token") or "")


def digest(image: str, mirrors: dict[str, str]) -> str:
    """Return the digest that the registry gives for an image.

    Args:
        image: registry/path:tag.
        mirrors: registry -> address that is asked instead, with http:// or https://.

    Raises:
        NoAnswer: the registry does not answer, or without a digest.
    """
    registry, _, rest = image.partition("/")
    path, _, tag = rest.rpartition(":")
    # docker.io is a name in image references; its registry answers elsewhere.
    host = "registry-1.docker.io" if registry == "docker.io" else registry
    url = f"{mirrors.get(registry, f'https://{host}')}/v2/{path}/manifests/{tag}"
    try:
        try:
            found = _head(url)
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
            found = _head(url, _token(error.headers.get("WWW-Authenticate", "")))
    except (OSError, ValueError) as error:
        raise NoAnswer(f"{url}: {error}") from None
    text = str(found.get("Docker-Content-Digest", ""))
    if not _DIGEST.fullmatch(text):
        raise NoAnswer(f"{url}: no digest in the answer")
    return text


def pinned(text: str, mirrors: dict[str, str]) -> tuple[str, list[str], list[str]]:
    """Return the settings' text with digests, what was written, and what could not be."""
    done, failed = [], []
    for match in _SETTING.finditer(text):
        image = match["image"].partition("@")[0]
        try:
            name = f"{image}@{digest(image, mirrors)}"
        except NoAnswer as reason:
            failed.append(f"{match['name']} = {match['image']!r} stays: {reason}")
            continue
        text = text.replace(match[0], f'{match["name"]} = "{name}"')
        done.append(f"{match['name']} = {name!r}")
    return text, done, failed


def main() -> int:
    """Ask, write, tell; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--mirror", action="append", default=[], metavar="REGISTRY=URL",
        help="ask URL in place of REGISTRY, such as docker.io=http://127.0.0.1:5000",
    )
    parser.add_argument("--file", type=Path, default=ALL_PY, help="the settings' file")
    words = parser.parse_args()
    text, done, failed = pinned(
        words.file.read_text("utf-8"), dict(m.split("=", 1) for m in words.mirror)
    )
    if done and not failed:
        words.file.write_text(text, "utf-8")
    for line in (*done, *failed):
        print(line)
    if failed:
        print("nothing was written")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
