"""Files in, the list of what is there, and what the page is told at its start."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time

import pytest
from conftest import AUTHORIZED, SERVICE, SERVICES, ingest
from made_files import pdf, word

GATE = "The tide gate is a steel door in the harbour wall. It closes at nine in the evening."


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name.strip("/"))
            member.size = len(body)
            member.pax_headers = {"xnai.source": name}
            archive.addfile(member, io.BytesIO(body))
    return out.getvalue()


def lines_of_base64(body):
    return b"\n".join(base64.b64encode(body[at:at + 3000]) for at in range(0, len(body), 3000))


def started(api, tmp_path, *arguments, **settings):
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": f"{SERVICE}:{SERVICES / 'common'}",
        "SECRETS_DIR": str(tmp_path / "secrets"), "RAG_URL": api.url, **settings,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "rag_api.library", *arguments], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def library(api, tmp_path, *arguments, stdin=b"", **settings):
    process = started(api, tmp_path, *arguments, **settings)
    out, error = process.communicate(stdin)
    assert error == b"", error.decode()
    return process.returncode, [json.loads(line) for line in out.splitlines()]


def upload(client, api, source, body, **headers):
    return client.post(
        f"{api.url}/files", params={"source": source}, content=body,
        headers={"Content-Type": "application/octet-stream", **AUTHORIZED, **headers},
    )


def ask(client, api, question):
    return client.post(
        f"{api.url}/query", json={"question": question, "stream": False}
    ).json()


def test_a_pdf_is_uploaded_and_its_page_cited(start_api, client):
    api = start_api()
    body = pdf([(72, 700, "Visitors moor at the east pier.")],
               [(72, 700, "The tide gate closes at nine in the evening.")])
    said = upload(client, api, "rules.pdf", body)
    assert said.status_code == 200, said.text
    assert said.json() == {
        "id": "file:rules.pdf", "title": "rules.pdf", "passages": 2, "unchanged": False,
        "notice": "",
    }
    answer = ask(client, api, "When does the tide gate close?")
    assert "nine" in answer["answer"]
    cited = answer["sources"][answer["extract"][0]["n"] - 1]
    assert (cited["title"], cited["place"]) == ("rules.pdf", "page 2")
    # The same file again changes nothing; another one of that name replaces it.
    assert upload(client, api, "rules.pdf", body).json()["unchanged"]
    assert upload(client, api, "rules.pdf", b"It closes at ten.").json()["passages"] == 1
    assert client.get(f"{api.url}/ready").json()["index"] == {"documents": 1, "passages": 1}


def test_an_upload_needs_the_token_and_is_no_form(start_api, client):
    api = start_api()
    assert upload(client, api, "a.md", b"Words.", Authorization="Bearer x").status_code == 401
    form = upload(client, api, "a.md", b"Words.", **{"Content-Type": "text/plain"})
    assert form.status_code == 415
    assert client.get(f"{api.url}/ready").json()["index"]["documents"] == 0


def test_what_cannot_be_read_or_is_too_long_is_told(start_api, client):
    api = start_api(RAG_MAX_FILE_MIB=1, RAG_MAX_UNPACKED_MIB=1)
    said = upload(client, api, "a.bin", bytes(100))
    assert said.status_code == 422 and "it is binary" in said.json()["detail"]
    said = upload(client, api, "a.md", b"x " * (600 << 10))
    assert said.status_code == 413 and "1 MiB (RAG_MAX_FILE_MIB)" in said.json()["detail"]
    said = upload(client, api, "big.docx", word("word " * 400_000))
    assert said.status_code == 422 and "it unpacks to" in said.json()["detail"]
    assert client.get(f"{api.url}/ready").json()["index"]["documents"] == 0


def test_an_archive_of_files_is_ingested_listed_shown_and_removed(start_api, tmp_path):
    api = start_api()
    files = {"/home/anna/gate.md": GATE.encode(), "/home/anna/notes/gate.md": b"Another gate.",
             "/home/anna/scan.pdf": pdf([]), "/home/anna/deep" + "/x" * 100 + "/a.md": b"Deep."}
    code, said = library(api, tmp_path, "ingest", stdin=tar(files))
    assert code == 1
    by_source = {one["source"]: one for one in said}
    assert by_source.keys() == files.keys()
    assert by_source["/home/anna/scan.pdf"]["failed"].startswith("its 1 pages hold no text")
    assert by_source["/home/anna/gate.md"] == {
        "source": "/home/anna/gate.md", "title": "gate.md", "passages": 1, "notice": "",
    }
    code, listed = library(api, tmp_path, "list")
    # Two files of one title are two documents.
    assert code == 0 and [one["title"] for one in listed].count("gate.md") == 2
    assert all(len(one["file_sha256"]) == 64 and one["added"] for one in listed)
    code, shown = library(api, tmp_path, "show", "file:/home/anna/gate.md")
    assert (code, shown) == (0, [{"text": GATE, "place": ""}])
    code, said = library(api, tmp_path, "remove", "file:/home/anna/gate.md", "file:none")
    assert code == 1 and said == [
        {"id": "file:/home/anna/gate.md"},
        {"id": "file:none", "failed": "there is no such document"},
    ]
    code, said = library(api, tmp_path, "show", "file:/home/anna/gate.md")
    assert code == 1 and "no document" in said[0]["failed"]


def test_a_path_may_be_long_and_one_that_is_refused_takes_no_other_along(start_api, tmp_path):
    api = start_api()
    long, too_long = "/home/anna" + "/deep" * 120 + "/a.md", "/" + "x" * 4000
    files = {"/a.md": b"One.", long: b"Two.", long + ".md": b"Three.", too_long: b"Four."}
    code, said = library(api, tmp_path, "ingest", stdin=tar(files))
    assert code == 1
    assert [one["source"] for one in said if "failed" in one] == [too_long]
    assert "422" in next(one["failed"] for one in said if "failed" in one)
    listed = library(api, tmp_path, "list")[1]
    assert {one["source"] for one in listed} == {"/a.md", long, long + ".md"}
    assert all(len(one["id"]) <= 512 for one in listed)
    identity = next(one["id"] for one in listed if one["source"] == long)
    assert library(api, tmp_path, "remove", identity) == (0, [{"id": identity}])


def test_the_command_answers_a_question(start_api, client, tmp_path):
    api = start_api()
    upload(client, api, "gate.md", GATE.encode())
    code, (said,) = library(api, tmp_path, "ask", stdin=b"When does the gate close?\n")
    assert code == 0 and "nine" in said["answer"] and said["sources"][0]["title"] == "gate.md"
    code, (said,) = library(api, tmp_path, "ask", stdin=b"\n")
    assert code == 1 and "422" in said["failed"]


def test_it_comes_in_lines_of_base64_too(start_api, tmp_path):
    api = start_api()
    body = lines_of_base64(tar({"/a.md": GATE.encode() * 200}))
    code, (said,) = library(api, tmp_path, "ingest", "--base64", stdin=body)
    assert code == 0 and said["passages"] > 5


def test_a_file_that_is_longer_than_a_request_may_be(start_api, tmp_path):
    api = start_api()
    text = "\n\n".join(f"Paragraph {n} says something of its own." * 20 for n in range(4500))
    assert len(text) > 3 << 20
    code, (said,) = library(api, tmp_path, "ingest", stdin=tar({"/long.txt": text.encode()}))
    assert code == 0 and said["passages"] > 1000


def test_an_archive_that_breaks_off_keeps_what_came(start_api, tmp_path):
    api = start_api()
    body = tar({f"/{n}.md": f"Words {n}. ".encode() * 400 for n in range(6)})
    code, said = library(api, tmp_path, "ingest", stdin=body[: len(body) // 2])
    assert code == 1 and "broke off" in said[-1]["failed"]
    told = {one["source"] for one in said[:-1]}
    assert len(told) in (2, 3)
    assert told == {one["source"] for one in library(api, tmp_path, "list")[1]}


@pytest.mark.parametrize("after_s", [0.3, 0.8, 1.5])
def test_killed_midway_and_run_again_nothing_is_lost_or_doubled(start_api, tmp_path, after_s):
    api = start_api()
    files = {f"/notes/{n}.md": f"# Note {n}\n\nBody of note {n}. ".encode() * 30
             for n in range(300)}
    body = tar(files)
    process = started(api, tmp_path, "ingest")
    process.stdin.write(body[: len(body) // 2])
    process.stdin.flush()
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, said = library(api, tmp_path, "ingest", stdin=body)
    assert code == 0 and len(said) == 300
    _, listed = library(api, tmp_path, "list")
    assert sorted(one["source"] for one in listed) == sorted(files)


def test_what_the_page_is_told(start_api, client):
    api = start_api(RAG_ANSWERS="extract", RAG_MAX_FILE_MIB=7)
    empty = client.get(f"{api.url}/about").json()
    assert empty == {
        "documents": 0, "passages": 0, "model": None, "model_status": "not asked",
        "extract_s": None, "tokens_per_s": None, "examples": [], "max_file_mib": 7,
    }
    ingest(client, api, *(
        {"id": name, "title": name, "text": text} for name, text in {
            "gate": GATE,
            "bread": "Sourdough is a bread that rises without yeast of the shop. It takes a day.",
            "tax": "You pay it in May. There is a form for it. It is blue.",
        }.items()
    ))
    said = client.get(f"{api.url}/about").json()
    assert sorted(said["examples"]) == ["What is Sourdough?", "What is the tide gate?"]
    for question in said["examples"]:
        assert ask(client, api, question)["extract"]
    assert client.get(f"{api.url}/about").json()["extract_s"] > 0


def test_an_index_of_the_service_before_is_taken(start_api, client, tmp_path):
    """One without the table of origins; and what that service then wrote has no places."""
    api = start_api()
    upload(client, api, "a.pdf", pdf([(72, 700, "One.")], [(72, 700, "Two words.")]))
    api.kill()
    import sqlite3

    with sqlite3.connect(tmp_path / "data/index.sqlite3") as db:
        db.execute("UPDATE documents SET sha256 = 'of another service'")
    api = start_api()
    said = client.get(f"{api.url}/library").json()["documents"]
    assert [(one["id"], one["file_sha256"], one["passages"]) for one in said] == [
        ("file:a.pdf", "", 2)
    ]
    assert ask(client, api, "Two words")["sources"][0]["place"] == ""
    api.kill()
    with sqlite3.connect(tmp_path / "data/index.sqlite3") as db:
        db.execute("DROP TABLE origins")
    api = start_api()
    assert client.get(f"{api.url}/library/file:a.pdf").json()[0]["text"] == "One."
