"""What is printed: words of the command line, the one paragraph, reports, masks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from looked import SETTINGS, looked, triaged

from xnai.run.inspect import Answer
from xnai.triage.answer import CANNOT_TELL, WELL, WRONG, answer, compose_files
from xnai.triage.command import _data, _in_words
from xnai.triage.masking import for_sharing, without_passwords
from xnai.triage.observation import Observation
from xnai.triage.render import markdown, terminal
from xnai.triage.words import UnknownWord, sorted_out

OWNER = Observation(
    "volume", "xnai_redis", "xnai_redis_data at /data owner=0 user=999 mode=755 not writable",
    "sudo xnai-podman unshare ls -lan /volumes",
)
PING = Observation("answer", "xnai_redis", "redis ping PONG (1 ms)")
UNPUBLISHED = Observation("port", "xnai_redis", "unpublished 6379")
NOT_READY = Observation("answer", "xnai_rag_api", 'health status=503 (9 ms) {"redis": "MISCONF"}')


def test_a_word_that_is_a_host_is_a_host():
    assert sorted_out(["redis", "laptop", "chainlit"], ["laptop", "redis"], ["redis"]) == (
        ["redis", "laptop"], ["chainlit"],
    )


def test_a_word_that_is_neither_is_told_with_the_nearest():
    with pytest.raises(UnknownWord, match=r"redos is neither .* Did you mean redis"):
        sorted_out(["redos"], ["laptop"], ["redis"])


def test_redis_is_well_and_its_port_is_not_published():
    code, text = answer(looked(PING, UNPUBLISHED), "redis")
    assert code == WELL
    assert text.startswith("redis (xnai_redis) is up and healthy (redis ping PONG (1 ms)).")
    assert "port 6379 is not published" in text and "xnai-podman exec xnai_redis" in text


def test_the_answer_names_the_cause_elsewhere():
    found = looked(OWNER, NOT_READY)
    assert answer(found, "docs")[0] == WELL
    code, text = answer(found, "rag_api")
    assert code == WRONG and "That follows from xnai_redis: a volume belongs" in text


def test_vikunja_was_never_started():
    other = looked(PING, ours=False, without=("xnai_vikunja", "xnai_vikunja_db"))
    other.scope.containers[0]["labels"]["com.docker.compose.project.config_files"] = "a/docker.yml"
    code, text = answer(other, "vikunja")
    assert code == WRONG and "docker-compose.vikunja.yml" in text and "a/docker.yml" in text


def test_what_could_not_be_seen_is_not_called_well():
    found = looked(PING, without=("xnai_vikunja", "xnai_vikunja_db"))
    found.scope.store["containers"] = None
    found.scope.store["error"] = "no /run/user/2000: no user session"
    code, text = answer(found, "postgres-of-somebody")
    assert code == CANNOT_TELL and "no user session" in text


def test_compose_files_of_a_label():
    label = {"com.docker.compose.project.config_files": "/a/x.yml,/a/y.yml"}
    assert compose_files({"labels": label}) == ["/a/x.yml", "/a/y.yml"]
    assert compose_files({"labels": {}}) == []


def test_a_terminal_shows_cause_evidence_and_what_follows():
    text = "\n".join(terminal.lines(looked(OWNER, NOT_READY).judgement))
    assert "1. xnai_redis: a volume belongs to another user" in text
    assert "[volume-owner, certain]" in text and "<- sudo xnai-podman unshare ls" in text
    assert "follows : xnai_rag_api: it does not answer" in text
    assert "tasks/repair.py does it (volume-owner)" in text


def test_a_log_line_cannot_write_on_the_terminal():
    line = Observation("log", "xnai_docs", "error \x1b[2Jcleared\nPermissionError: [Errno 13] "
                       "Permission denied: '/a'")
    ill = Observation("state", "xnai_docs", "running unhealthy restarts=0 policy=x")
    text = "\n".join(terminal.lines(looked(line, ill).judgement))
    assert "\x1b" not in text


def test_markdown_of_a_log_line_has_no_meaning():
    line = Observation("log", "xnai_docs", "ModuleNotFoundError: No module named 'a`<b>|[x](y)'")
    ill = Observation("state", "xnai_docs", "running unhealthy restarts=0 policy=x")
    text = markdown.report("laptop", looked(line, ill).judgement, "2026-11-29 10:00:00 UTC")
    assert text.startswith("# Incident report: stack xnai on laptop\n")
    assert "`ModuleNotFoundError: No module named 'a'<b>|[x](y)'`" in text
    assert "a\\`\\<b\\>\\|\\[x\\](y) is not in it" in text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("redis://:hunter22@redis:6379/0", "redis://:[masked]@redis:6379/0"),
        ("requirepass hunter22", "requirepass [masked]"),
        ("POSTGRES_PASSWORD=hunter22 x", "POSTGRES_PASSWORD=[masked] x"),
        ('"api_key": "hunter22"', '"api_key": "[masked]"'),
        ("TOKEN='hunter22'", "TOKEN='[masked]'"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [masked]"),
        ("password authentication failed", "password authentication failed"),
        ("stale xnai_redis_password", "stale xnai_redis_password"),
    ],
)
def test_what_looks_like_a_password_is_masked(text, masked):
    assert without_passwords(text) == masked


def test_a_shared_report_names_nobody():
    text = for_sharing(
        "laptop.lan: anna's /home/anna/x at 192.168.1.20 and fe80:1:2:3::1, mail me@x.org; "
        "127.0.0.1:8001, xnai_redis of xnai", ["laptop.lan", "anna"],
    )
    assert "anna" not in text and "laptop" not in text and "192.168" not in text
    assert "me@x.org" not in text and "127.0.0.1:8001" in text and "xnai_redis of xnai" in text


@given(st.text(), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_can_be_masked(text, names):
    for_sharing(text, names)


@pytest.mark.parametrize(
    ("observations", "code"), [((), 0), ((OWNER,), 1)],
)
def test_the_exit_code(observations, code):
    answers = [Answer("laptop", triaged(*observations), "")]
    assert _in_words(answers, [], "")[1] == code
    assert _data(answers, [])["laptop"]["looked"][0]["scope"] == "stack xnai"


def test_an_unreachable_host_is_told_and_the_code_is_2():
    answers = [Answer("laptop", triaged(), ""), Answer("desk", None, "not reachable")]
    assert _in_words(answers, [], "")[1] == 2
    assert _data(answers, [])["desk"] == {"error": "not reachable"}


def test_containers_that_could_not_be_seen_leave_it_open():
    found = triaged()
    found.looked[0].scope.store["containers"] = None
    assert _in_words([Answer("laptop", found, "")], [], "")[1] == 2


def test_a_stack_of_another_name_is_named():
    from dataclasses import replace

    found = replace(triaged(), looked=(), others=("mine",))
    said, code = _in_words([Answer("laptop", found, "")], [], "")
    assert code == 1 and "there is mine: xnai triage --data stack_name=mine" in said[1]
    assert SETTINGS.stack_name == "xnai"
