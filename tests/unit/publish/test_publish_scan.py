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
        "postgresql://postgres:postgres@db/app", "postgresql://user:PASSWORT@host/db",
        "api_key = sk-ant-xxxxx", "COOKIE_SECRET=REPLACE_WITH_64_HEX_CHARS", "token: my-own-token",
        "  password: ENC[AES256_GCM,data:tKsbx5XC+ZQgsrUg,iv:Nk=,tag:6W=,type:str]",
        f"  checksum/secret: {'8c81a89f1daf' * 5}8c81", "redis-cli -a {{ redis_password }} ping",
        'test: ["CMD-SHELL", "redis-cli -a \\"$$REDIS_PASSWORD\\" ping"]',
        "Log in once more after 2026-11-30 or with Python3.13.", "The credential check: ca74774c.",
        "connect(user=neo4j_user, password=neo4j_password)", "The wifi works on the 5GHz band.",
        "Set `POSTGRES_PASSWORD_FILE` and start version v2.5.0 of the account service.",
        "curl -H 'Authorization: Bearer <token>' http://127.0.0.1:8080/v1/models",
    ],
)
def test_what_is_none(line):
    assert secrets_in({"page.md": line.encode()}) == []


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("compose.yaml", "environment:\n  - DB_PASSWORD=Amber.Forest.Violin\n", 2),
        ("values.yaml", "dbPassword: violet-lantern-harbour-moss\n", 1),
        ("app.yaml", "password: >-\n  Violine1987!\n", 2),
        (".env", "GRAFANA_PASSWORD='q;7,Lk)x#2vT'\n", 1),
        ("notes.md", "Das Kennwort der Kamera: einfach Violine1987! eingeben.\n", 1),
        ("notes.md", "Log in as `admin`; the password was set to `Xk3rT9wqLm`.\n", 1),
        ("notes.md", "| Dienst | Passwort |\n|---|---|\n| Kamera | Violine1987 |\n", 3),
        ("chat.txt", "A: what was the pw again?\nB: violine1987\n", 2),
        ("run.py", "# the account: anna / Violine1987!\n", 1),
        ("ask.sh", "redis-cli \\\n  -h redis \\\n  --pass violet-moss-Harbour7 \\\n  ping\n", 3),
        ("diun.yml", "url: discord://Ab3dE-fGh1jKlMn0pQrStUvWx@112233445566778899\n", 1),
        ("page.html", "<a href='https://maps.example/api?key=Ab3dEfGh1jKlMn0pQrSt'></a>\n", 1),
        ("oss.sh", "tool -i LTAI5tAb3dEfGh1jKlMn0pQr \\\n  -k Ab3dEfGh1jKlMn0pQrStUvWx12yZ4a\n", 2),
        ("notes.txt", f"Key1: {'Ab3dEfGh1jKlMn0pQrStU' * 4}Zy==\n", 1),
    ],
)
def test_where_people_leave_them(path, text, line):
    found = secrets_in({path: text.encode()})
    assert line in {one.line for one in found}, found


def test_what_tests_make_up_is_none_unless_a_machine_has_made_it():
    made_up = b"client = Client(api_key='sk-test-1234', token='abc123', password='Violine1987')\n"
    assert secrets_in({"tests/test_client.py": made_up}) == []
    real = b"TOKEN = 'Ab3dEfGh1jKlMn0pQrStUvWx12yZ4a'\n"
    assert secrets_in({"tests/test_client.py": real})


def test_a_sealed_secret_and_the_words_around_a_key_are_none():
    sealed = "kind: SealedSecret\nspec:\n  encryptedData:\n    password: AgBy3i4OJSWK+PiTySYZZA9r\n"
    assert secrets_in({"k8s.yaml": sealed.encode()}) == []
    words = b"KEY = '-----BEGIN PRIVATE KEY-----'\nEND = '-----END PRIVATE KEY-----'\n"
    assert secrets_in({"check.py": words}) == []


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
