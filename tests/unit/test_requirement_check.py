"""Asking an index before a build; the index here is a real server of the simple interface."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from xnai.images.locks import absent, place, python_of
from xnai.templating.render import ROOT

HASH = f"--hash=sha256:{'a' * 64}"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a directory and says nothing."""

    def log_message(self, *words):
        pass


@pytest.fixture
def index(tmp_path):
    """An index that has there==1.0 as a wheel and source==1.0 without one."""
    for name, file in (("there", "there-1.0-py3-none-any.whl"), ("source", "source-1.0.tar.gz")):
        (tmp_path / f"simple/{name}").mkdir(parents=True)
        (tmp_path / f"simple/{name}/index.html").write_text(
            f'<a href="/{file}#sha256={"a" * 64}" data-dist-info-metadata="true">{file}</a>'
        )
    (tmp_path / "there-1.0-py3-none-any.whl.metadata").write_text(
        "Metadata-Version: 2.1\nName: there\nVersion: 1.0\n"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        (f"there==1.0 {HASH}", None),
        (f"there==2.0 \\\n    {HASH}", "there==2.0"),
        (f"nosuch==1.0 {HASH}", "nosuch was not found"),
        (f"source==1.0 {HASH}", "source==1.0 has no"),
    ],
)
def test_what_the_index_has_and_has_not(tmp_path, index, requirement, said):
    assert (ROOT / ".tools/uv").exists(), "make setup"
    lock = tmp_path / "api.txt"
    lock.write_text(f"# made by uv\n{requirement}\n")
    found = absent(lock, "3.12", index)
    if said is None:
        assert found == []
    else:
        (sentence,) = found
        assert sentence.startswith(f"{lock}:2: ") and said in sentence and index in sentence


def test_an_index_that_does_not_answer_tells_nothing(tmp_path):
    (tmp_path / "api.txt").write_text(f"there==1.0 {HASH}\n")
    assert absent(tmp_path / "api.txt", "3.12", "http://127.0.0.1:9/simple") is None


def test_a_name_that_stands_nowhere(tmp_path):
    (tmp_path / "api.txt").write_text("there==1.0\n")
    assert place(tmp_path / "api.txt", "something else") == str(tmp_path / "api.txt")


@pytest.mark.parametrize(
    ("image", "python"),
    [
        ("docker.io/library/python:3.13-slim", "3.13"),
        (f"docker.io/library/python:3.12.4-slim-trixie@sha256:{'0' * 64}", "3.12"),
        ("registry.example:5000/base:7", None),
        # A version of something else.
        ("registry.example:5000/team/base:3.20", None),
    ],
)
def test_the_python_of_a_base(image, python):
    assert python_of(image) == python
