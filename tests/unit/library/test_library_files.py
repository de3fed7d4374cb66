"""What is found below a path, and what is left out of it and why."""

from __future__ import annotations

import os

from xnai.library.files import found, sha256


def sources(files):
    return [file.source for file in files]


def test_files_below_directories_in_order_without_what_is_hidden(tmp_path):
    for name in ("b.md", "a/2.txt", "a/1.pdf", ".git/config", "a/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("words")
    files, left_out = found([tmp_path, tmp_path / "b.md"], 1)
    assert sources(files) == [str(tmp_path / one) for one in ("b.md", "a/1.pdf", "a/2.txt")]
    assert left_out == []


def test_a_link_in_a_directory_is_not_followed_and_one_that_is_named_is(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/etc").symlink_to("/etc")
    (tmp_path / "notes/passwd").symlink_to("/etc/passwd")
    (tmp_path / "real.md").write_text("words")
    (tmp_path / "named.md").symlink_to(tmp_path / "real.md")
    files, left_out = found([tmp_path / "notes", tmp_path / "named.md"], 1)
    assert sources(files) == [str(tmp_path / "named.md")]
    assert [(one.source, one.why) for one in left_out] == [
        (str(tmp_path / "notes" / name), "it is a link; name what it points to")
        for name in ("etc", "passwd")
    ]


def test_what_is_too_long_or_no_file_is_told_and_not_opened(tmp_path):
    (tmp_path / "huge.pdf").touch()
    os.truncate(tmp_path / "huge.pdf", 2 << 30)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "edge.txt").touch()
    os.truncate(tmp_path / "edge.txt", 1 << 20)
    files, left_out = found([tmp_path], 1)
    assert sources(files) == [str(tmp_path / "edge.txt")]
    assert {one.source.rsplit("/")[-1]: one.why for one in left_out} == {
        "huge.pdf": "it is longer than 1 MiB (2147483648 bytes; rag_api_max_file_mib)",
        "pipe": "it is no plain file",
    }


def test_names_that_are_no_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/a\xff.md"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"words")
    with open(path.replace(b"\xff", b"\xfe"), "wb") as file:  # noqa: PTH123
        file.write(b"words")
    files, _ = found([tmp_path], 1)
    # Two files, and a name of their own for each.
    assert sources(files) == [f"{tmp_path}/a\\xfe.md", f"{tmp_path}/a\\xff.md"]
    assert all(len(sha256(file.path)) == 64 for file in files)


def test_what_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "a.md").write_text("words")
    # Root may read everything, and these tests may be root's.
    monkeypatch.setattr(os, "access", lambda *_: False)
    _, left_out = found([tmp_path], 1)
    assert left_out[0].why == "it cannot be read: Permission denied"
