"""Secrets in what is to be committed: the kinds, the places, and what is none."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import string

import pytest
from unit_settings import ROOT, make

from xnai.publish import by_value, host
from xnai.publish.scan import NotScanned, secrets_in

SIGNS = string.ascii_letters + string.digits


def kinds(seed):
    """Twelve kinds with random values: kind -> (text, the value)."""
    rng = random.Random(seed)  # noqa: S311  (no secrets: they are looked for)

    def some(count, signs=SIGNS):
        return "".join(rng.choice(signs) for _ in range(count))

    def b64(data):
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    upper = string.ascii_uppercase + "234567"
    key = "\n".join(some(70) for _ in range(6))
    value = {name: some(14) + "7a" for name in ("url", "cli", "yaml", "env", "prose", "kube")}
    packed = base64.b64encode(value["kube"].encode()).decode()
    forge, other, hook = "ghp_" + some(36), "glpat-" + some(20), some(24)
    token = f"{b64({'alg': 'HS256', 'typ': 'JWT'})}.{b64({'sub': some(9), 'iat': 1516239022})}." \
        + some(43)
    cloud, secret = "AKIA" + some(16, upper), some(40)
    return {
        "private key": (
            f"-----BEGIN OPENSSH PRIVATE KEY-----\n{key}\n-----END OPENSSH PRIVATE KEY-----\n", key,
        ),
        "cloud key": (
            f"aws_access_key_id = {cloud}\naws_secret_access_key = {secret}\n", secret,
        ),
        "a forge's token": (f"token: {forge}\n", forge),
        "another forge's token": (f"GITLAB={other}\n", other),
        "chat webhook": (
            f"url: https://hooks.slack.com/services/T{some(8, upper)}/B{some(8, upper)}/{hook}\n",
            hook,
        ),
        "JWT": (f"Authorization: Bearer {token}\n", token),
        "database URL": (
            f"DATABASE_URL=postgresql://app:{value['url']}@db.internal:5432/app\n", value["url"],
        ),
        "redis-cli -a": (f"\tredis-cli -a {value['cli']} ping\n", value["cli"]),
        "YAML": (f"environment:\n  POSTGRES_PASSWORD: {value['yaml']}\n", value["yaml"]),
        ".env": (f"REDIS_PASSWORD={value['env']}\n", value["env"]),
        "prose": (f"The admin password is {value['prose']}, change it later.\n", value["prose"]),
        "Kubernetes Secret": (
            f"apiVersion: v1\nkind: Secret\ndata:\n  password: {packed}\n", packed,
        ),
    }


@pytest.mark.parametrize("seed", range(3))
def test_all_kinds_are_found_and_no_value_is_told(seed):
    for kind, (text, value) in kinds(seed).items():
        found = secrets_in({"page.md": b"# A page\n\nText.\n" + text.encode()})
        assert found, kind
        assert value not in " ".join(map(str, found)), kind
        lines = text.split("\n")
        first = 4 + next(n for n, line in enumerate(lines) if value.split("\n")[0] in line)
        lines = [one.line for one in found]
        assert min(lines) in (first, first - 1), (kind, first, found)


def test_our_own_pages_and_files_have_none():
    """Rendered files, docs and their like: what is published beside a person's own words."""
    files = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for folder in ("docs", "templates", "tests/unit/golden", "group_data")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix not in (".pyc", ".pem", ".py")
    }
    assert len(files) > 50
    assert secrets_in(files) == []


@pytest.mark.parametrize(
    "line",
    [
        "The password is in /run/secrets/redis_password.", "password: ${REDIS_PASSWORD}",
        "postgresql://app:${PASSWORD}@db/app", "postgresql://user:****@db/app",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "The token is optional.", "Its password was changed yesterday.",
        "secret = secrets.token_hex(8)", "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_what_is_none(line):
    assert secrets_in({"page.md": line.encode()}) == []


def test_a_file_that_is_too_large_to_be_looked_through():
    with pytest.raises(NotScanned, match="8 MiB"):
        secrets_in({"samples.jsonl": b"x" * (8 << 20)})


def test_by_value(monkeypatch):
    value = "a1b2c3d4e5f6a7b8"
    packed = base64.b64encode(value.encode()).decode().rstrip("=")
    texts = {"a.md": f"x\n{value}\n", "b.md": f"{packed}==\n", "c.md": "nothing\n"}
    known = {"xnai_redis_password": value, "xnai_auth": f"requirepass {value}\n", "short": "abc"}
    found = host.places(texts, known)
    assert {(path, line) for path, line, _ in found} == {("a.md", 2), ("b.md", 1)}
    monkeypatch.setattr(host, "values", lambda names: known)
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    given = io.BytesIO(gzip.compress(json.dumps(texts).encode()))
    monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": given}))
    host.main({"secrets": list(known)})
    assert value not in out.getvalue()
    places = by_value.found(out.getvalue().splitlines())
    assert any("a.md:2: the stack's secret" in str(one) for one in places)


def test_what_a_host_could_not_tell_is_no_all_clear(monkeypatch):
    assert by_value.found([]) is None
    assert by_value.found([by_value.MARK + json.dumps({"error": True, "found": []})]) is None
    asked = by_value.command(make(), {"a.md": b"x"})
    assert "python3 -I -B" in str(asked)
