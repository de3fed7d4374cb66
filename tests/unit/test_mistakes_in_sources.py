"""Thirteen mistakes in `service_sources`: each is answered by what, where, and what to write."""

from __future__ import annotations

import subprocess

import pytest
from unit_settings import make, problems

from xnai.images import tree as source_tree
from xnai.images.python_files import unparsable
from xnai.images.tree import refusals
from xnai.stack.catalogue import images, source_misfits

HASH = f"--hash=sha256:{'a' * 64}"
WHERE = "group_data/all.py:7"

# What was written; what is found in the tree beside; words of the answer: what, where, what to do.
MISTAKES = {
    "a password among the variables": (
        {"environment": {"REDIS_PASSWORD": "x"}}, {},
        ("REDIS_PASSWORD", "group_data/all.py:", "'environment_secrets': {'REDIS_PASSWORD': …}"),
    ),
    "a key of Compose": (
        {"ports": ["8000:8000"]}, {},
        ("'ports'", "group_data/all.py:", "the service's own port setting"),
    ),
    "an env_file": (
        {"env_file": ".env"}, {},
        ("'env_file'", "group_data/all.py:", "'environment' and 'environment_secrets'"),
    ),
    "PATH set anew": (
        {"environment": {"PATH": "/app/bin"}}, {},
        ("no PATH", "group_data/all.py:", "name other programs by their absolute path"),
    ),
    "a host's directory that is to be written": (
        {"volumes": ["/srv/data:/app/data"]}, {},
        ("['volumes']", "group_data/all.py:", "a directory of the host is read-only (:ro)"),
    ),
    "a tmpfs over the program": (
        {"tmpfs": ["/app"]}, {},
        ("not /app", "group_data/all.py:", "name a directory below /app"),
    ),
    "a path that git does not track": (
        {"copy": ["app", "data"]}, {"data/new.py": "x = 1\n"},
        ("'data'", WHERE, "git add"),
    ),
    "a list without hashes": (
        {}, {"requirements.txt": "fastapi==0.1\n"},
        ("'fastapi==0.1' has no hash", "requirements.txt:1", "xnai lock SERVICE="),
    ),
    "an .env among the files": (
        {}, {"app/.env": "KEY=1\n"},
        ("app/.env: looks like a secret", WHERE, "Leave it out ('exclude'"),
    ),
    "a secret that the stack has not": (
        {"environment_secrets": {"OPENAI_API_KEY": "openai"}}, {},
        ("'openai'", WHERE, "the stack has the secrets"),
    ),
    "a name of another service": (
        {"aliases": ["redis"]}, {}, ("'redis'", WHERE, "that is a name of redis"),
    ),
    "a source that the lock has not": (
        {"source_packages": ["cuid==0.4"]}, {},
        ("cuid==0.4 is not in", WHERE, "make the lock again: xnai lock"),
    ),
    "a file that is no Python": (
        {}, {"app/wrong.py": "def f(:\n"},
        ("SyntaxError", "app/wrong.py:1", "leave it out by 'exclude'"),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_before_any_change(mistake, tmp_path):
    written, beside, words = MISTAKES[mistake]
    untracked = {path for path in beside if path.startswith("data/")}
    files = {"app/main.py": "x = 1\n", "requirements.txt": f"fastapi==0.1 {HASH}\n"} | beside
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q"], check=True)
    tracked = [path for path in files if path not in untracked]
    subprocess.run(["git", "-C", str(tmp_path), "add", "-f", *tracked], check=True)
    source_tree._tracked.cache_clear()
    source = {"context": str(tmp_path), "copy": ["app"], "requirements": "requirements.txt"}
    wanted = {"rag_api": source | written}
    said = problems(service_sources=wanted)
    if not said:
        settings = make(service_sources=wanted)
        said = [*refusals(settings, WHERE), *source_misfits(settings, WHERE)]
        if not said:
            (image,) = (one for one in images(settings) if one.name == "rag_api")
            said = unparsable(image.copies, "3.11")
    (answer,) = said
    for word in words:
        assert word in answer
