"""`xnai triage`: the command line."""

from __future__ import annotations

import datetime
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from xnai.run import inspect as looking
from xnai.run.inspect import Answer, Where, WrongCall
from xnai.run.options import print_errors, with_hosts
from xnai.stack.catalogue import BUILT_IN
from xnai.triage import ask, words
from xnai.triage.answer import CANNOT_TELL, WELL, WRONG, answer
from xnai.triage.ask import HostTriage
from xnai.triage.masking import all_without_passwords, for_sharing, without_passwords
from xnai.triage.render import markdown, terminal

Answers = Sequence[Answer[HostTriage]]


@click.command()
@click.argument("about", nargs=-1, metavar="[HOST|SERVICE]...")
@click.option("--service", "services", multiple=True,
              help="Ask about a service, of a project of your own too.")
@click.option("--project", default="", metavar="[USER/]NAME",
              help="Look at this compose project, which need not be ours.")
@click.option("--markdown", "markdown_file", type=click.Path(path_type=Path),
              help="Write an incident report for the records.")
@click.option("--share", "share_file", type=click.Path(path_type=Path),
              help="Write one without names, addresses and passwords, to show to others.")
@with_hosts
def triage(
    about: tuple[str, ...], services: tuple[str, ...], project: str, markdown_file: Path | None,
    share_file: Path | None, inventory_file: str, group_data: tuple[str, ...],
    data: tuple[str, ...], as_json: bool,
) -> None:
    """Say what is wrong, why, and what to do: on all hosts, or on those that are named.

    A word that is a host of the inventory names it; one that is a service (redis, chainlit,
    vikunja …) asks about that service alone. Nothing is changed.

    Exit code 0: all is well; 1: findings; 2: could not tell.
    """
    where = Where(inventory_file, group_data, data)
    with looking.loaded(where) as (inventory, _):
        names = [host.name for host in inventory]
    try:
        hosts, asked = words.sorted_out(about, names, [one.name for one in BUILT_IN])
    except words.UnknownWord as error:
        raise WrongCall(str(error)) from None
    asked += services
    answers = looking.ask_each(
        where, lambda host: ask.triage(host, project), frozenset(hosts) or None
    )
    said, code = _in_words(answers, asked, project)
    if as_json:
        click.echo(json.dumps(_data(answers, asked), indent=2))
    else:
        click.echo(without_passwords("\n".join(said)))
    print_errors(answers)
    _write(markdown_file, _report(answers))
    hidden = [name for one in answers if one.value for name in (one.host, *one.value.names)]
    _write(share_file, for_sharing(_report(answers), hidden))
    sys.exit(code)


def _in_words(answers: Answers, asked: Sequence[str], project: str) -> tuple[list[str], int]:
    """The lines for a terminal, and the exit code."""
    said: list[str] = []
    codes = []
    for one in answers:
        if one.value is None:
            codes.append(CANNOT_TELL)
            continue
        said.append(f"[{one.host}]")
        if not one.value.looked:
            said.append(f"  {_nothing(one.value, project)}")
            codes.append(WRONG)
        for looked in one.value.looked:
            if asked:
                for word in asked:
                    known = set(looked.seen.services.values())
                    its, text = answer(looked, words.service_of_project(word, known))
                    codes.append(its)
                    said.append(f"  {text}")
                continue
            shown = terminal.lines(looked.judgement, sys.stdout.isatty())
            said += [f"  {line}".rstrip() for line in shown]
            codes.append(code_of(looked))
    return said, CANNOT_TELL if CANNOT_TELL in codes else max(codes, default=WELL)


def code_of(looked: ask.Looked) -> int:
    """Return the exit code of one stack or project.

    Findings are findings, also beside a blind spot; without any, containers that could not be
    seen leave it open.
    """
    if looked.judgement.roots:
        return WRONG
    unseen = looked.scope.store.get("containers") is None
    return CANNOT_TELL if unseen else WELL


def _nothing(found: HostTriage, project: str) -> str:
    if project:
        return f"no compose project {project} in any user's Podman here"
    if found.others:
        return (
            f"no stack named {found.settings.stack_name} here; there is {', '.join(found.others)}: "
            f"xnai triage --data stack_name={found.others[0]}"
        )
    return (
        "nothing to look at: no deploy was here, and no user's Podman has a compose project. To "
        "deploy: pyinfra inventory.py deploy.py"
    )


def _data(answers: Answers, asked: Sequence[str]) -> dict[str, Any]:
    """All of it for machines, passwords taken out."""
    return {one.host: judgement_of(one, asked) for one in answers}


def judgement_of(one: Answer[HostTriage], asked: Sequence[str] = ()) -> dict[str, Any]:
    """Return what was said of one host, for machines, passwords taken out.

    Args:
        one: its answer.
        asked: services of which a question was answered.
    """
    if one.value is None:
        return {"error": without_passwords(one.error)}
    cleaned: dict[str, Any] = all_without_passwords({
        "seconds": one.value.seconds,
        "looked": [
            asdict(looked.judgement) | {
                "answers": {
                    word: answer(looked, words.service_of_project(
                        word, set(looked.seen.services.values())))[1]
                    for word in asked
                },
            } for looked in one.value.looked
        ],
    })
    return cleaned


def _report(answers: Answers) -> str:
    parts = []
    for one in answers:
        if one.value is None:
            parts.append(f"# Incident report: {one.host}\n\nCould not tell: {one.error}\n")
            continue
        for looked in one.value.looked:
            when = datetime.datetime.fromtimestamp(looked.seen.time, datetime.UTC)
            parts.append(
                markdown.report(one.host, looked.judgement, f"{when:%Y-%m-%d %H:%M:%S} UTC")
            )
    return without_passwords("\n".join(parts))


def _write(path: Path | None, text: str) -> None:
    """Write a report that only its owner can read."""
    if path is None:
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise WrongCall(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"written: {path}", err=True)
