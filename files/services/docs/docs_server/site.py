"""What there is to serve: a table of the site's files, made once at the start.

A request is looked up in the table and never becomes a path of the file system, so no spelling of
`..` leads anywhere, and there are no directories to list.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

INDEX = "index.html"
NOT_FOUND = "/404.html"

# Not the system's tables: slim images have none, and others differ.
_TYPES = mimetypes.MimeTypes(filenames=())
_OWN_TYPES = {
    ".js": "text/javascript", ".map": "application/json", ".woff": "font/woff",
    ".woff2": "font/woff2", ".gz": "application/gzip",
}
_TEXT = ("text/", "application/json", "application/xml", "image/svg+xml")
# The builder writes a hash of the content into these names.
_HASHED_NAME = re.compile(r"\.[0-9a-f]{8}\.min\.")


@dataclass(frozen=True)
class File:
    """One file of the site.

    Attributes:
        path: where it is.
        content_type: value of the header.
        etag: strong, of the content.
        modified: value of Last-Modified.
        cache_control: value of the header.
    """

    path: Path
    content_type: str
    etag: str
    modified: str
    cache_control: str


def content_type(name: str) -> str:
    """Return a file's media type, with the encoding where it is text."""
    suffix = Path(name).suffix.lower()
    kind = _OWN_TYPES.get(suffix) or _TYPES.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith(_TEXT) else kind


def read(directory: Path) -> dict[str, File]:
    """Return the site's files by URL path; a directory's index stands under `…/` as well.

    Symbolic links are left out: a site has none.

    Raises:
        SystemExit: there is no site.
    """
    if not (directory / INDEX).is_file():
        raise SystemExit(
            f"DOCS_DIR = {str(directory)!r} has no {INDEX}: the image's build puts the site there "
            "(mkdocs build --strict --site-dir …)"
        )
    files = {}
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        url = f"/{path.relative_to(directory).as_posix()}"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files[url] = File(
            path,
            content_type(path.name),
            f'"{digest[:32]}"',
            formatdate(path.stat().st_mtime, usegmt=True),
            "public, max-age=31536000, immutable" if _HASHED_NAME.search(path.name)
            else "no-cache",  # ask each time whether it changed
        )
        if path.name == INDEX:
            files[url.removesuffix(INDEX)] = files[url]
    return files
