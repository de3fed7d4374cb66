"""What an image is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CopiedPath:
    """Files that go into an image.

    Attributes:
        root: directory on the controller.
        source: path below it, a file or a directory.
        destination: path below the build context; a directory's files keep their paths under it.
        exclude: patterns (fnmatch) of paths below the root that are left out, with what is below.
        is_tracked: whether git must track it; a lock beside the settings is named by itself.
    """

    root: Path
    source: str
    destination: str
    exclude: tuple[str, ...] = ()
    is_tracked: bool = True


@dataclass(frozen=True)
class Image:
    """An image that the deploy builds.

    Attributes:
        name: its short name; the image is localhost/<stack>_<name>:<content hash>.
        title: what it is, in a few words.
        dockerfile: the rendered file's name; its template is images/<dockerfile>.j2.
        copies: what its own files are.
        requirements: a lock with hashes on the controller, installed into its environment.
        packages_apart: whether the environment is an image of its own, below this one.
        apt_packages: Debian packages that it needs when it runs.
        source_packages: name==version of packages in its lock that only come as source.
        build_apt_packages: Debian packages that are there while those are built.
        command: argv that it runs.
        port: that it listens on, or None.
        volume: path of its data, or None when nothing persists.
        built: whether the deploy builds it; it is rendered and checked in any case.
        always_copied: of `copies` what stays where it is made of the user's own tree.
        directories: further paths that its user owns, for volumes.
        space_needs_mib: (path on the host, MiB) that its build needs beside the others'.
        strict: whether a warning of MkDocs ends the build.
        own_tree_place: where that tree's files go, below the build context.
    """

    name: str
    title: str
    dockerfile: str
    copies: tuple[CopiedPath, ...]
    requirements: CopiedPath
    packages_apart: bool = True
    apt_packages: tuple[str, ...] = ()
    source_packages: tuple[str, ...] = ()
    build_apt_packages: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    port: int | None = None
    volume: str | None = None
    built: bool = True
    always_copied: tuple[CopiedPath, ...] = ()
    strict: bool = True
    own_tree_place: str = "app"
    directories: tuple[str, ...] = ()
    space_needs_mib: tuple[tuple[str, int], ...] = ()
