"""`xnai ingest`, `xnai ask`, `xnai library`: the command lines."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from pyinfra.api.host import Host

from xnai.library import words
from xnai.library.container import Said, ServiceContainer
from xnai.library.files import LeftOut, found
from xnai.library.ingest import Ingested, ingest_files, ingest_urls
from xnai.run import inspect as looking
from xnai.run.context import current
from xnai.run.inspect import Answer, Where, WrongCall
from xnai.run.options import FINDINGS, GOOD, UNKNOWN, only_hosts, print_errors, with_hosts
from xnai.run.pyinfra import HostFailed
from xnai.stack.services.rag_api import RagApiSettings

T = TypeVar("T")
_URL = ("http://", "https://")
# Documents in one command line of the host.
_AT_ONCE = 100


def _tell(
    answers: Sequence[Answer[T]], as_json: bool, lines: Callable[[T], Iterable[str]], good: bool
) -> NoReturn:
    """Print each host's answer, for machines or in lines below its name, and end."""
    for one in answers:
        if one.value is not None and not as_json:
            click.echo("\n".join([f"[{one.host}]", *lines(one.value)]))
    if as_json:
        _print_json(answers)
    _end(answers, good)


def _print_json(answers: Sequence[Answer[Any]]) -> None:
    click.echo(json.dumps({
        one.host: {"error": one.error} if one.value is None else one.value for one in answers
    }, indent=2, ensure_ascii=False))


def _end(answers: Sequence[Answer[Any]], good: bool) -> NoReturn:
    print_errors(answers)
    sys.exit(UNKNOWN if any(one.error for one in answers) else GOOD if good else FINDINGS)


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="PATH|URL...")
@only_hosts
@with_hosts
def ingest(
    what: tuple[str, ...], hosts: tuple[str, ...], inventory_file: str,
    group_data: tuple[str, ...], data: tuple[str, ...], as_json: bool,
) -> None:
    """Bring files, directories and web pages into the library of each host.

    Read are PDF, HTML, Markdown, text, and Office files of 2007 and later. A file's path on this
    computer is what it is in the library: the same file again replaces what it was, and one whose
    content is there already is not sent. Run it again after it was interrupted. Addresses are
    fetched by the crawler, within crawler_allowed_domains.

    Exit code 0: all is in; 1: something is not, with a line each; 2: a host could not be asked.
    """
    urls = [one for one in what if one.lower().startswith(_URL)]
    paths = [Path(one) for one in what if one not in urls]
    if missing := [path for path in paths if not os.path.lexists(path)]:
        raise WrongCall(f"no file or directory {missing[0]} here")

    def bring(host: Host) -> Ingested:
        settings = current(host)
        # Before anything is sent: both must be there.
        rag_api = ServiceContainer(host, settings, "rag_api") if paths else None
        crawler = ServiceContainer(host, settings, "crawler") if urls else None
        done = Ingested()
        if rag_api:
            files, left_out = found(paths, settings.of(RagApiSettings).rag_api_max_file_mib)
            if not files and not left_out:
                raise HostFailed("there is no file below what was named (hidden ones do not count)")
            done = ingest_files(rag_api, files, _progress(host.name))
            done.failed = left_out + done.failed
        if crawler:
            of_web = ingest_urls(crawler, urls)
            done.taken += of_web.taken
            done.failed += of_web.failed
        return done

    answers = looking.ask_named(Where(inventory_file, group_data, data), hosts, bring)
    if as_json:
        click.echo(json.dumps({
            one.host: asdict(one.value) if one.value else {"error": one.error} for one in answers
        }, indent=2))
    for one in answers:
        if one.value and not as_json:
            _say(one.host, one.value, urls)
    _end(answers, not any(one.value and one.value.failed for one in answers))


def _progress(host: str) -> Callable[[int, int], None]:
    """What tells, from 3 s on, how many files are done."""
    started = time.monotonic()

    def tell(done: int, of: int) -> None:
        if time.monotonic() - started > 3 and done < of:
            click.echo(f"[{host}] {done} of {of} files", err=True)

    return tell


def _say(host: str, done: Ingested, urls: Sequence[str]) -> None:
    def lines(some: Sequence[LeftOut], word: str) -> None:
        for one in some:
            click.echo(f"[{host}] {word}{one.source}: {one.why}", err=True)

    lines(done.notices, "")
    lines(done.failed, "not taken: ")
    files = [one for one in done.taken if one not in urls]
    said = [f"{len(files)} taken ({done.passages} passages)", f"{len(done.unchanged)} unchanged"]
    if pages := len(done.taken) - len(files):
        said.append(f"{pages} given to the crawler")
    said.append(f"{len(done.failed)} not taken")
    click.echo(f"[{host}] {', '.join(said)}")


@click.command()
@click.argument("question")
@click.option("--top-k", type=click.IntRange(1, 20), default=4, show_default=True,
              help="Passages to look at.")
@only_hosts
@with_hosts
def ask(
    question: str, top_k: int, hosts: tuple[str, ...], inventory_file: str,
    group_data: tuple[str, ...], data: tuple[str, ...], as_json: bool,
) -> None:
    """Ask the library, and print the answer with its sources."""

    def answered(host: Host) -> dict[str, Any]:
        rag_api = ServiceContainer(host, current(host), "rag_api")
        good, said = rag_api.library("ask", "--base64", "--top-k", str(top_k),
                                     stdin=question.encode())
        if not good or not said:
            raise HostFailed("the library gave no answer")
        return said[0]

    answers = looking.ask_named(Where(inventory_file, group_data, data), hosts, answered)
    good = all(one.value and one.value["sources"] for one in answers)
    _tell(answers, as_json, words.answer, good)


@click.group()
def library() -> None:
    """List, show and remove the documents of the library."""


@library.command("list")
@only_hosts
@with_hosts
def list_(
    hosts: tuple[str, ...], inventory_file: str, group_data: tuple[str, ...],
    data: tuple[str, ...], as_json: bool,
) -> None:
    """List the documents: when they came in, how many passages, title, where they come from."""
    answers = looking.ask_named(
        Where(inventory_file, group_data, data), hosts, lambda host: _listed(host)[1]
    )
    _tell(answers, as_json, words.listing, good=True)


def _listed(host: Host) -> tuple[ServiceContainer, Said]:
    rag_api = ServiceContainer(host, current(host), "rag_api")
    return rag_api, rag_api.library("list")[1]


@library.command()
@click.argument("document")
@only_hosts
@with_hosts
def show(
    document: str, hosts: tuple[str, ...], inventory_file: str, group_data: tuple[str, ...],
    data: tuple[str, ...], as_json: bool,
) -> None:
    """Print the passages of a document, which is named by its path or address."""

    def shown(host: Host) -> Said:
        rag_api, listed = _listed(host)
        return rag_api.library("show", words.id_of(document, listed))[1]

    answers = looking.ask_named(Where(inventory_file, group_data, data), hosts, shown)
    _tell(answers, as_json, words.passages, good=True)


@library.command()
@click.argument("documents", nargs=-1, required=True, metavar="DOCUMENT...")
@click.option("--yes", is_flag=True, help="Do not ask before it is done.")
@only_hosts
@with_hosts
def remove(
    documents: tuple[str, ...], yes: bool, hosts: tuple[str, ...], inventory_file: str,
    group_data: tuple[str, ...], data: tuple[str, ...], as_json: bool,
) -> None:
    """Remove documents, named by path or address; of a directory, all that came from it."""
    if not yes:
        if not sys.stdin.isatty():
            raise WrongCall("without a terminal to ask on, --yes is needed")
        click.confirm(
            f"Remove {', '.join(documents)} from the library? "
            "(Of a directory, all that came from it.)",
            abort=True,
        )

    def removed(host: Host) -> Said:
        rag_api, listed = _listed(host)
        # All are there before the first is removed.
        ids = list(dict.fromkeys(found for one in documents for found in words.ids_of(one, listed)))
        # In parts: a command line has its limit.
        parts = (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))
        return [gone for part in parts for gone in rag_api.library("remove", *part)[1]]

    answers = looking.ask_named(Where(inventory_file, group_data, data), hosts, removed)
    if as_json:
        _print_json(answers)
    for one in answers:
        if one.value and not as_json:
            click.echo(f"[{one.host}] removed: {words.several(gone['id'] for gone in one.value)}")
    _end(answers, good=True)
