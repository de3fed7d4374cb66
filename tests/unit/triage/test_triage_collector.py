"""The collector: bounded in time and size, whatever it meets; values of secrets never leave."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import subprocess
import threading
import time
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.unit_settings import make
from xnai.triage.bundle import command, make_spec
from xnai.triage.collect import in_network, journal, machine, questions, stores, wire
from xnai.triage.collect.bounded import plain, run
from xnai.triage.collect.masking import Masked
from xnai.triage.collect.program import framed, unframed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20,
)


def test_a_program_that_hangs_is_ended():
    started = time.monotonic()
    said = run(["sh", "-c", "echo begun; sleep 600"], limit_s=0.3)
    assert (said.code, said.out) == (None, b"begun\n") and time.monotonic() - started < 60


def test_what_a_program_started_is_ended_with_it(tmp_path):
    mark = tmp_path / "pid"
    run(["sh", "-c", f"sleep 600 & echo $! > {mark}; wait"], limit_s=0.5)
    pid = int(mark.read_text())
    state = f"/proc/{pid}/stat"
    ends = time.monotonic() + 30
    while os.path.exists(state) and time.monotonic() < ends:  # noqa: PTH110
        if open(state).read().split()[2] == "Z":  # noqa: PTH123, SIM115
            break
        time.sleep(0.05)
    else:
        assert not os.path.exists(state)  # noqa: PTH110


def test_a_program_that_never_stops_printing_is_cut():
    said = run(["sh", "-c", "yes"], limit_s=60, most=1000)
    assert len(said.out) == 1000 and said.cut


def test_a_program_that_is_not_there_is_said():
    said = run(["/no/such/program"])
    assert said.code is None and "No such file" in said.error


def test_only_plain_files_are_read(tmp_path):
    file, link, pipe = tmp_path / "file", tmp_path / "link", tmp_path / "pipe"
    file.write_bytes(b"one\xfftwo")
    link.symlink_to(file)
    os.mkfifo(pipe)
    assert plain(str(file)) == "one\\xfftwo"
    assert [plain(str(one)) for one in (link, pipe, tmp_path, tmp_path / "none")] == [None] * 4
    assert plain(str(file), most=2) == "on"


@given(JSON)
def test_what_is_framed_comes_back(value):
    lines = ["Welcome!", *framed({"value": value}), "bye"]
    assert unframed(lines) == {"value": value}


def test_a_torn_frame_is_no_answer():
    lines = framed({"value": os.urandom(200_000).hex()})
    assert len(lines) > 2
    assert unframed(lines[:-1]) is None and unframed([]) is None
    assert unframed([lines[0], "garbage", *lines[2:]]) is None
    assert unframed(["@@xnai-triage 1 1 no base64!"]) is None


VISIBLE = st.characters(codec="ascii", exclude_categories=["C", "Z"])


# The word of a line of Redis' configuration is shown; Hypothesis takes constants from the code.
@given(st.text(alphabet=VISIBLE, min_size=8, max_size=40).filter(lambda v: v != "requirepass"))
def test_no_spelling_of_a_secret_survives(value):
    masked = Masked()
    masked.add("x_password", value)
    texts = [
        value, f"redis://:{value}@redis:6379", json.dumps(value), f"requirepass {value}",
        quote(value, safe=""),
        base64.b64encode(value.encode()).decode(),
    ]
    for text in texts:
        assert value not in masked.text(text)
        assert value not in json.dumps(masked.all({"a": [text], text: 1}))


def test_a_line_of_configuration_hides_its_password_and_not_its_word():
    masked = Masked()
    masked.add("auth_conf", "requirepass 0123456789abcdef\n")
    said = masked.text("requirepass 0123456789abcdef is set")
    assert said == "[secret auth_conf] is set" or said == "requirepass [secret auth_conf] is set"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"MESSAGE": "hello"}, "hello"), ({"MESSAGE": None}, "[a line that the journal does not"),
        ({"MESSAGE": [104, 105, 255]}, "hi\\xff"), ({"MESSAGE": "x" * 1_000_000}, "xxx"),
    ],
)
def test_a_line_of_the_journal(entry, text):
    raw = json.dumps({**entry, "__REALTIME_TIMESTAMP": "1500000"}).encode()
    when, said = journal._entry(raw)
    assert when == 1.5 and said.startswith(text) and len(said) < 1200


def test_a_line_that_is_no_json_is_passed_over():
    assert journal._entry(b"\x00\xff") is None


@contextmanager
def server(answer, kind=socket.SOCK_STREAM):
    """A server on loopback that hands each connection to `answer`."""
    listener = socket.socket(socket.AF_INET, kind)
    listener.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        listener.listen()

    def serve():
        if kind == socket.SOCK_DGRAM:
            data, who = listener.recvfrom(4096)
            listener.sendto(answer(data), who)
            return
        link, _ = listener.accept()
        with link:
            answer(link)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(10)


def test_redis_is_asked_for_its_state_and_nothing_is_written():
    heard = []

    def answer(link):
        reader = link.makefile("rb")
        replies = [b"+OK\r\n", b"+PONG\r\n"]
        info = b"redis_version:8.0\r\nrdb_last_bgsave_status:err\r\nunknown:1\r\n"
        replies.append(b"$%d\r\n%s\r\n" % (len(info), info))
        for reply in replies:
            words = []
            for _ in range(int(reader.readline()[1:])):
                size = int(reader.readline()[1:])
                words.append(reader.read(size + 2)[:-2])
            heard.append(words)
            link.sendall(reply)

    with server(answer) as port:
        said = wire.redis("127.0.0.1", port, "a password")
    assert heard == [[b"AUTH", b"a password"], [b"PING"], [b"INFO"]]
    assert said["ping"] == "PONG" and said["info"]["rdb_last_bgsave_status"] == "err"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"R" + struct.pack("!II", 8, 10), "asks for authentication"),
        (b"E" + struct.pack("!I", 60) + b"SFATAL\0C53300\0Msorry, too many clients already\0\0",
         "FATAL 53300 sorry, too many clients already"),
    ],
)
def test_postgresql_answers_before_a_password_is_sent(reply, said):
    def answer(link):
        assert b"user\0vikunja\0" in link.recv(4096)
        link.sendall(reply)

    with server(answer) as port:
        assert wire.postgresql("127.0.0.1", port, "vikunja", "vikunja")["answer"] == said


def test_a_server_that_hangs_up_is_an_error_in_words():
    with server(lambda link: link.recv(10)) as port:
        said = wire.timed(wire.redis, "127.0.0.1", port, "")
    assert "error" in said and isinstance(said["ms"], int)


def test_a_name_server_is_asked():
    def answer(query):
        head = struct.pack("!6H", 0x786E, 0x8180, 1, 2, 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([10, 89, 0, 5])
        other = b"\xc0\x0c" + struct.pack("!HHIH", 28, 1, 60, 16) + bytes(16)
        return head + query[12:] + other + record

    with server(answer, socket.SOCK_DGRAM) as port:
        # The port of a name server is fixed: what is asked is what is under test.
        original = socket.socket.connect
        try:
            socket.socket.connect = lambda self, to: original(self, ("127.0.0.1", port))
            said = wire.resolve("127.0.0.1", "redis")
        finally:
            socket.socket.connect = original
    assert said == {"code": 0, "addresses": ["10.89.0.5"]}


@given(st.text(), st.text())
def test_any_environment_can_be_read(name, value):
    questions.references({"env": [f"{name}={value}", "REDIS_HOST=redis", "REDIS_PORT=6380"]})


@pytest.mark.parametrize(
    ("env", "found"),
    [
        (["REDIS_HOST=redis", "REDIS_PORT=6380"], [("REDIS_HOST", "redis", 6380)]),
        (["DATABASE_URL=postgres://me:secret@db/x"], [("DATABASE_URL", "db", 5432)]),
        (["RAG_API_URL=http://rag_api:8000/v1"], [("RAG_API_URL", "rag_api", 8000)]),
        (["API_URL=http://localhost:8000"], []), (["HOSTNAME_FILE=/etc/x"], []),
        (["MODE=production"], []),
    ],
)
def test_what_an_environment_says_that_it_needs(env, found):
    assert questions.references({"env": env}) == found


def test_listeners_are_told_with_their_process():
    with socket.create_server(("127.0.0.1", 0)) as mine:
        port = mine.getsockname()[1]
        (found,) = [one for one in machine.listeners() if one["port"] == port]
    assert found["address"] == "127.0.0.1" and found["pid"] == os.getpid()


def test_a_process_that_ends_while_listeners_are_looked_for_is_passed_over(monkeypatch):
    """Its directory is in the listing of /proc and gone a moment later."""
    listed = machine._names

    def with_one_that_ended(directory):
        return (["4194304"] if directory == "/proc" else []) + listed(directory)

    monkeypatch.setattr(machine, "_names", with_one_that_ended)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = [one for one in machine.listeners() if one["port"] == port]
    assert found["pid"] == os.getpid()


def test_the_whole_program_runs_from_memory_and_writes_nothing(tmp_path):
    """On this host, which has no stack: as pyinfra would send it."""
    asked = command(make_spec(make()) | {"stack_user": "nobody-here"})
    items = asked.connector_arguments["_stdin"]
    done = subprocess.run(
        ["sh", "-c", str(asked)], input="".join(f"{item}\n" for item in items), text=True,
        capture_output=True, check=True, cwd=tmp_path, timeout=120,
    )
    found = unframed(done.stdout.splitlines())
    assert found["host"]["meminfo"]["MemTotal"] > 0 and done.stderr == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("values", "password"),
    [({"xnai_redis_password": "p"}, "p"), ({"0123456789ab": "p"}, "p"), ({}, None)],
)
def test_a_redis_whose_password_is_not_known_is_not_asked(values, password):
    """Asked without one it would say NOAUTH, and that would be taken for its client's fault."""
    redis = {
        "id": "r", "name": "xnai_redis", "image": "docker.io/library/redis:8.0", "env": [],
        "command": ["redis-server"], "labels": {}, "networks": {},
        "secrets": [{"name": "xnai_redis_password", "id": "0123456789abcdef"}],
    }
    (question,) = questions.of_itself(redis, values, ())
    assert question.get("skip") == (None if password else "its password could not be read")
    assert question["words"]["password"] == (password or "")


def test_what_a_container_that_is_gone_was_to_ask_is_not_asked():
    asked = in_network.From(2**22 - 1, "no-such-container", [
        in_network.keyed("c needs redis name", "name", server="127.0.0.1", name="redis"),
    ])
    assert in_network.ask([asked]) == {
        "c needs redis name": {"skipped": "the container's process is gone"},
    }
    assert not in_network.answered({"k": {"skipped": "x"}}, "k")


def test_the_stars_in_place_of_a_secret_are_not_taken_for_its_value():
    masked = Masked()
    masked.add("xnai_redis_password", "the value itself")
    stores._mask_environment(
        {"env": ["xnai_redis_password=*******", "API_TOKEN=abcdefgh"], "command": []}, masked
    )
    found = [masked.values[name] for name in ("xnai_redis_password", "API_TOKEN")]
    assert found == ["the value itself", "abcdefgh"]


def test_a_retrieval_is_waited_for_longer_than_a_page():
    """Two busy processors read passages for longer than any page takes; that is no fault."""
    def slow(link):
        link.recv(4096)
        time.sleep(0.6)
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    (asked,) = [
        one["words"] for one in make_spec(make())["checks"]["xnai_rag_api"]
        if one["key"] == "retrieval"
    ]
    assert asked["answer_s"] == wire.RETRIEVAL_S > wire.ANSWER_S
    for answer_s, outcome in ((0.1, "error"), (10.0, "status")):
        with server(slow) as port:
            said = wire.timed(wire.page, "127.0.0.1", **asked | {
                "port": port, "answer_s": answer_s,
            })
        assert outcome in said, said
