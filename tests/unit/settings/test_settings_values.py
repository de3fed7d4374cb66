"""Which settings exist, what each may be, and what is said about a wrong one."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_settings import ALL_PY, ROOT, limits_mib, make, problems, shipped

from xnai.settings import layers
from xnai.settings.certificates import name_on_host
from xnai.stack.catalogue import SCHEMA, services

# Fields of Settings that no setting names: they are derived.
DERIVED = {
    "oom_exempt", "ram_mib", "stack_user_explicit", "sysctls", "zram_size_expression",
}

IMAGE = "registry/path:tag[@sha256:digest], as docker.io/library/redis:8.0"
MIRROR = '{"docker.io": {"location": "mirror.example:5000", "insecure": False}}'
PEM = "a list of absolute paths of PEM files on the controller"
PORT = "a rootless container cannot publish below 1024"
STACK = (
    "a-z, then a-z or 0-9, at most 20 characters, and not true, false, yes, no, on, off or null"
)
PYTHON = (
    "a tag that begins with Python 3.11, 3.12, 3.13; the services' locks are made for these"
)
NAMES = "names of this machine as a browser uses them: a-z 0-9 . -"
DEBIAN = (
    "the Debian variant (a tag without alpine): users in the other one have other numbers, and "
    "it has no apt"
)
MOVED = (
    "a tag of PostgreSQL below 18; from there on the image keeps its data in another place, which "
    "this stack does not mount"
)
LOOPBACK = (
    "an address of the machine's in its network, or another machine's: in a container this one is "
    "the container itself. Let the server listen there (Ollama: OLLAMA_HOST), and write it as "
    "http://192.168.1.10:11434/v1"
)
HOST_PATH = "an absolute path on the host of letters, digits and . _ / + -"
KEYS = (
    "context, copy, requirements, exclude, command, environment, apt_packages, source_packages, "
    "build_apt_packages, strict, health_command, environment_secrets, tmpfs, volumes, "
    "working_directory, aliases, health, restart, cpus"
)
SOURCE = {"context": "/srv/tree", "copy": ["app"], "requirements": "requirements.txt"}
# What a Compose user writes by habit, and mistakes of the container's keys.
VOLUMES = "['volumes'] 'name:/path', or '/path/on/the/host:/path:ro'"
OWN_CONTAINER = (
    ("healthcheck", {}, "not 'healthcheck', but 'health'"),
    ("working_dir", "/app", "not 'working_dir', but 'working_directory'"),
    ("mem_limit", "2g", "not 'mem_limit', but the setting rag_api_memory_limit_mib"),
    ("ports", ["8000:8000"],
     "not 'ports', but the service's own port setting; it is published on 127.0.0.1"),
    ("depends_on", ["redis"], "not 'depends_on', but nothing: it is as for the reference service"),
    ("environment_secrets", {"REDIS_PASSWORD": "../x"},
     "['environment_secrets'] {'REDIS_PASSWORD': 'redis_password'}"),
    ("tmpfs", "/app/.files", "['tmpfs'] a list"),
    ("tmpfs", ["/app"], "['tmpfs'] not /app, which holds the program or its secrets; name a "
     "directory below /app"),
    ("tmpfs", ["/app/.files:mode=1777"],
     "['tmpfs'] paths, and with a bound '/app/cache:size=64m'"),
    ("volumes", ["/srv/models:/models"],
     f"{VOLUMES}; a directory of the host is read-only (:ro)"),
    ("volumes", ["Cache:/app/cache"], f"{VOLUMES}; names of a-z 0-9 _"),
    ("volumes", ["cache"], "['volumes'] absolute paths of letters, digits and . _ / -"),
    ("volumes", ["a:/app/x", "b:/app/x"], "one thing at a place; /app/x is named twice"),
    ("working_directory", "app", "['working_directory'] an absolute path in the image"),
    ("aliases", ["rag api"], "['aliases'] host names: a-z 0-9 . _ -"),
    ("health", {"interval": 5}, "['health'] a dictionary with some of command, url, interval_s, "
     "timeout_s, retries, start_period_s; not 'interval'"),
    ("health", {"interval_s": 1}, "['health'] interval_s from 5 to 3600"),
    ("health", {"url": "http://rag:8000/"},
     "['health'] a url such as 'http://127.0.0.1:8000/health'"),
    ("health", {"url": "http://127.0.0.1:8000/", "command": ["true"]},
     "one of 'health_command' and in 'health' 'command' and 'url'"),
    ("restart", "no", "['restart'] one of unless-stopped, always, on-failure"),
    ("cpus", "2", "['cpus'] a number from 0.01 to 512"),
    ("source_packages", ["cuid"], "['source_packages'] packages of its lock with their versions, "
     "such as ['cuid==0.4']; `xnai lock` prints them"),
    ("build_apt_packages", ["gcc"], "'build_apt_packages' beside 'source_packages' alone: nothing "
     "else is compiled"),
    ("strict", False, "'strict' is True or False, and False for docs alone"),
    ("exclude", "docs", "['exclude'] a list of patterns, such as ['docs/old', '*.ipynb']"),
)
USER = "a user name other than root: a-z, then a-z 0-9 . _ -, at most 31"
URL_SIGNS = "an address without spaces, quotes, backslashes or dollar signs"

SERVICE_NAMES = f"one of {', '.join(repr(name) for name in limits_mib())}"

# (setting, wrong value, what must be said). Every setting and every check's every sentence.
OWN_SECRETS = (
    "{'jwt_key': None, 'openai_api_key': '/home/me/keys/openai'}: names of a-z 0-9 _, and None or "
    "an absolute path on this machine"
)
WRONG = [
    ("awq_image", 1, "True or False"),
    ("awq_memory_limit_mib", 100, "at least 512"),
    ("backup_age_recipient", "AGE-SECRET-KEY-1", "a public key of age: age1 and 58 characters"),
    ("backup_dir", "backups", HOST_PATH),
    ("backup_passphrase_file", "/root/../passphrase", f"{HOST_PATH}, and no .."),
    ("restore_age_identity_file", "~/key", HOST_PATH),
    ("restore_from", "/root/$(id).tar", HOST_PATH),
    ("purge", True, "the name of the host"),
    ("purge", "a host", "the name of the host"),
    ("rotate_only", "xnai_ingest_token", "a list"),
    ("rotate_only", ["$(id)"], "names of Podman secrets: a-z 0-9 _"),
    ("base_image", "docker.io/library/python:3.9-slim", PYTHON),
    ("base_image", "docker.io/library/python:slim", PYTHON),
    ("browser_hosts", [], "a list of at least 1"),
    ("browser_hosts", "localhost", "a list"),
    ("browser_hosts", ["http://localhost"], NAMES),
    ("browser_hosts", ["a", "a"], "a list in which nothing stands twice"),
    ("build_cache_max_mib", 63, "at least 64"),
    ("chainlit_ui_port", 80, f"at least 1024; {PORT}"),
    ("context_max_mib", 0, "at least 1"),
    (
        "crawler_allowed_domains", ["https://example.org"],
        "domains such as 'example.org': a-z 0-9 . -, without http://",
    ),
    (
        "crawler_allowed_private", ["192.168.1.0/24 "],
        "host, host:port or network/bits, such as 'wiki.home.arpa' or '192.168.1.0/24'",
    ),
    ("docs_port", 1023, f"at least 1024; {PORT}"),
    ("llm_context_tokens", 255, "at least 256"),
    ("llm_endpoint_url", "llm:8080", "an http:// or https:// address"),
    *[("llm_endpoint_url", f"http://{host}:11434/v1", LOOPBACK) for host in (
        "localhost", "LOCALHOST.", "llm.localhost", "127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]",  # noqa: S104
        "[::]", "[::ffff:127.0.0.1]", "127.1", "0", "2130706433", "0x7f000001", "127.0.0.01",
        "ip6-localhost", "ip6-loopback", "localhost.localdomain", "localhost4", "[::1%lo]",
    )],
    ("llm_endpoint_url", "http://host:99999/v1", "an http:// or https:// address"),
    ("llm_endpoint_url", "http://host:abc/v1", "an http:// or https:// address"),
    ("llm_model_file", "/srv/Large-Q4-00001-of-00003.gguf",
     "one file, not part 1 of 3: join them first (llama.cpp's llama-gguf-split --merge "
     "FIRST-PART /srv/Large-Q4.gguf), and name that"),
    ("llm_model_file", "/srv/Large-Q4-00002-of-00003.gguf", "one file, not part 2 of 3: join "
     "them first (llama.cpp's llama-gguf-split --merge FIRST-PART /srv/Large-Q4.gguf), and name "
     "that"),
    ("llm_model_file", "model.gguf", HOST_PATH),
    ("llm_model_file", "/srv/a model.gguf", HOST_PATH),
    ("llm_model_file", "/srv/../x", f"{HOST_PATH}, and no .."),
    ("llm_model_name", "", "a model's name: letters, digits and . _ / : -"),
    ("llm_threads", 0, "at least 1"),
    ("wheelhouse_dir", "~/wheels", HOST_PATH),
    (
        "image_source", "images",
        "an absolute path on the controller of letters, digits and . _ / + -; or "
        'docker://registry/path (docker+http:// without TLS); or "build"',
    ),
    ("service_sources", [], '{"rag_api": {"context": "/home/me/tree", "copy": [...], ...}}'),
    (
        "service_sources", {"api": {}},
        "services llm, rag_api, chainlit_ui, crawler, curation_worker, docs, awq; not 'api'",
    ),
    *(
        ("service_sources", {"rag_api": SOURCE | changes}, said)
        for changes, said in (
            ({"contxt": "/"}, f"for rag_api the keys {KEYS}; not 'contxt'"),
            ({"context": "tree"}, "for rag_api['context'] an absolute path on the controller"),
            ({"copy": "app"}, "for rag_api['copy'] a list of paths, or {path: path below /app}"),
            ({"copy": []}, "for rag_api['copy'] a list of paths, or {path: path below /app}"),
            (
                {"copy": ["../secrets"]},
                "for rag_api['copy'] paths inside the context, relative and without ..; "
                "'../secrets' leads out of it",
            ),
            (
                {"copy": ["/etc/passwd"]},
                "for rag_api['copy'] paths inside the context, relative and without ..; "
                "'/etc/passwd' leads out of it",
            ),
            ({"copy": {"a": "x", "b": "x"}}, "for rag_api['copy'] different places below /app"),
            (
                {"requirements": ""},
                "for rag_api['requirements'] paths inside the context, relative and without ..",
            ),
            (
                {"command": "python -m app"},
                "for rag_api['command'] a list of words, such as ['python', '-m', 'app']",
            ),
            (
                {"health_command": ["a\nb"]},
                "for rag_api['health_command'] a list of words, such as ['python', '-m', 'app']",
            ),
            (
                {"environment": {"lower": "x"}},
                "for rag_api['environment'] {'NAME': 'text'}, names of A-Z 0-9 _",
            ),
            (
                {"environment": {"API_TOKEN": "x"}},
                "for rag_api['environment'] nothing secret, and API_TOKEN sounds so; "
                "'environment_secrets': {'API_TOKEN': …} takes it from a secret of the stack",
            ),
            (
                {"environment": {"DB_PWD": "x"}},
                "for rag_api['environment'] nothing secret, and DB_PWD sounds so; "
                "'environment_secrets': {'DB_PWD': …} takes it from a secret of the stack",
            ),
            (
                {"environment": {"PATH": "/app/bin"}},
                "for rag_api['environment'] no PATH: the image's own finds its Python; name other "
                "programs by their absolute path",
            ),
            *(
                ({key: value}, f"for rag_api{'' if said[0] == '[' else ' '}{said}")
                for key, value, said in OWN_CONTAINER
            ),
            (
                {"apt_packages": ["libgomp1>=12"]},
                "for rag_api['apt_packages'] names of Debian packages, without versions",
            ),
        )
    ),
    (
        "service_sources", {"docs": SOURCE | {"apt_packages": ["git"]}},
        "for docs no 'apt_packages': its image holds the built site alone",
    ),
    ("service_sources", {"rag_api": {"context": "/"}}, "for rag_api also 'copy', 'requirements'"),
    ("service_sources", {"rag_api": 1}, f"for rag_api a dictionary with {KEYS}"),
    ("base_image", "python:3.12-slim", IMAGE),
    ("base_image", "docker.io/library/python", IMAGE),
    ("base_image", "docker.io/library/python:latest", "a tag that pins a version; 'latest' moves"),
    ("base_image", "docker.io/library/python:3.12@sha256:12", IMAGE),
    ("base_image", None, IMAGE),
    ("container_gid", 0, "at least 1"),
    ("container_uid", 65001, "at most 65000"),
    ("extra_ca_certificates", "/etc/ca.pem", PEM),
    ("extra_ca_certificates", ["ca.pem"], PEM),
    ("extra_ca_certificates", [1], PEM),
    (
        "extra_ca_certificates", ["/no/such/ca.pem"],
        f"{PEM}; /no/such/ca.pem: [Errno 2] No such file or directory: '/no/such/ca.pem'",
    ),
    ("extra_ca_certificates", ["/"], f"{PEM}; /: [Errno 21] Is a directory: '/'"),
    ("extra_ca_certificates", [str(ALL_PY)], f"{PEM}; {ALL_PY} holds no certificate"),
    ("host_reserve_mib", 255, "at least 256"),
    ("host_reserve_mib", "2048", "a whole number from 256 to 4194304"),
    ("memory_rivals", "ask", "one of 'stop', 'set_aside'"),
    ("oom_guard_exempt_stack", "yes", "True or False"),
    ("proxy_url", "https://proxy.example:3128", "http://HOST:PORT without user and password"),
    ("proxy_url", "http://proxy.example", "http://HOST:PORT without user and password"),
    ("proxy_url", "http://me:pw@proxy.example:3128",
     "http://HOST:PORT without user and password (an address without user and password)"),
    ("proxy_url", "proxy.example:3128",
     "http://HOST:PORT without user and password (an http:// or https:// address)"),
    ("proxy_exceptions", ["a b"], "a host name, a .domain or an address"),
    ("proxy_exceptions", "lan", "a list"),
    ("netrc_file", "netrc", HOST_PATH),
    ("registry_auth_file", "~/auth.json", HOST_PATH),
    ("debian_mirror_url", "mirror.example/debian", "an http:// or https:// address"),
    ("own_secrets", ["jwt_key"], OWN_SECRETS),
    ("own_secrets", {"JWT": None}, OWN_SECRETS),
    ("own_secrets", {"jwt_key": "keys/jwt"}, OWN_SECRETS),
    ("vikunja_public_url", "tasks.example", "an http:// or https:// address"),
    ("package_index_url", "pypi.org/simple", "an http:// or https:// address"),
    ("package_index_url", "ftp://pypi.org/simple", "an http:// or https:// address"),
    ("package_index_url", "http://[::1/simple", "an http:// or https:// address"),
    ("package_index_url", "https://me:pw@pypi.org/", "an address without user and password"),
    ("package_index_url", "https://pypi.org/$(id)", URL_SIGNS),
    ("rag_api_port", 80, f"at least 1024; {PORT}"),
    ("rag_api_max_file_mib", 1025, "at most 1024"),
    ("rag_answers", "model", "one of 'extract', 'both'"),
    ("redis_image", "redis", IMAGE),
    ("redis_image", "docker.io/library/redis:8.0-alpine3.22", DEBIAN),
    ("base_image", "docker.io/library/python:3.12-alpine", DEBIAN),
    ("vikunja_db_image", "docker.io/library/postgres:17-alpine", DEBIAN),
    ("vikunja_db_image", "docker.io/library/postgres:18", MOVED),
    ("vikunja_db_image", "registry.example/postgres:19beta1", MOVED),
    ("vikunja_db_image", "docker.io/postgis/postgis:18-3.6", MOVED),
    ("vikunja_db_image", "docker.io/pgvector/pgvector:pg18-trixie", MOVED),
    ("vikunja_db_image", "docker.io/pgvector/pgvector:0.8.1-pg18", MOVED),
    ("vikunja_db_image", "docker.io/library/postgres:trixie",
     "a tag that begins with PostgreSQL's major version, as 17; others move"),
    ("redis_memory_limit_mib", 1048577, "at most 1048576"),
    ("redis_memory_limit_mib", 64.0, "a whole number from 32 to 1048576"),
    ("report_repository", "~/omega", HOST_PATH),
    ("report_phase", "<b>", "a few words: A-Z a-z 0-9 . _ -"),
    ("report_progress", "../progress.md", "a path below the repository, without .."),
    ("report_meta", "/etc", "a path below the repository, without .."),
    ("report_names", 1, "True or False"),
    ("publish_branch", "-x", "a name of a branch: A-Z a-z 0-9 . _ / -"),
    ("publish_remote", "https://x", "a name of a remote: A-Z a-z 0-9 . _ -"),
    ("redis_maxmemory_mib", 0, "at least 1"),
    (
        "redis_maxmemory_policy", "lru",
        "one of 'noeviction', 'allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', "
        "'volatile-lfu', 'volatile-random', 'volatile-ttl'",
    ),
    ("redis_port", 65536, f"at most 65535; {PORT}"),
    ("redis_publish_loopback", 1, "True or False"),
    ("registry_mirrors", [], MIRROR),
    ("registry_mirrors", {"docker.io": "mirror:5000"}, MIRROR),
    ("registry_mirrors", {"docker.io": {"location": "a b"}}, MIRROR),
    ("registry_mirrors", {"docker.io": {"location": "a", "insecure": "no"}}, MIRROR),
    ("registry_mirrors", {"docker.io": {"location": "a", "mirror": True}}, MIRROR),
    ("stack_health_interval_s", 4, "at least 5"),
    ("stack_healthy_timeout_s", 9, "at least 10"),
    ("stack_name", "Xnai", STACK),
    ("stack_name", "a" * 21, STACK),
    ("stack_name", "no", STACK),
    ("stack_user", "1st", USER),
    ("stack_user", "me\n", USER),
    ("stack_user", "root", USER),
    ("strict", 0, "True or False"),
    ("vm_dirty_background_ratio_pct", 0, "at least 1"),
    ("vm_dirty_ratio_pct", 101, "at most 100"),
    ("vm_page_cluster", 11, "at most 10"),
    ("vm_swappiness", 201, "at most 200"),
    ("vm_swappiness", True, "a whole number from 0 to 200"),
    ("vm_vfs_cache_pressure", 0, "at least 1"),
    ("vm_watermark_boost_factor", -1, "at least 0"),
    ("vm_watermark_scale_factor", 3001, "at most 3000"),
    ("zram_assumed_ratio", 0.5, "from 1.0 to 6.0"),
    ("zram_assumed_ratio", float("nan"), "from 1.0 to 6.0"),
    ("zram_assumed_ratio", "2", "a number from 1.0 to 6.0"),
    (
        "zram_compression_algorithm", "gzip",
        "one of 'zstd', 'lz4', 'lz4hc', 'lzo-rle', 'lzo', '842'",
    ),
    ("zram_size_mib", 10, "at least 64"),
    ("zram_size_mib", "4G", "a whole number from 64 to 1048576"),
    ("zram_size_pct_of_ram", 900, "at most 400; zram pages still cost RAM"),
    ("zram_size_pct_of_ram", 0, "at least 1; zram pages still cost RAM"),
    ("zram_size_pct_of_ram", "150%", "a whole number from 1 to 400"),
    ("zram_swap_priority", -1, "at least 0; swapon(2)"),
    ("zswap", "on", "one of 'off', 'leave'"),
    ("vikunja", None, "True or False"),
    ("vikunja_db_image", "postgres:17", IMAGE),
    ("vikunja_image", "docker.io/vikunja/vikunja", IMAGE),
    ("vikunja_port", 443, f"at least 1024; {PORT}"),
    *[("vikunja_time_zone", zone, "a name of the tz database, as Europe/Berlin")
      for zone in ("Berlin time", "europe/berlin", "CEST", "Mars/Olympus", "", 1)],
    *[("vikunja_account_name", name,
       "3 to 250 letters, digits, dots, _ and -, and not digits alone")
      for name in ("-n", "12345", 12345, "an")],
    ("vikunja_account_email", "anna", "an address, as name@example.org"),
    ("end_vikunja_sessions", "yes", "True or False"),
    ("memory_sampler", 1, "True or False"),
    ("memory_sampler_interval_s", 4, "at least 5; rates are over a minute"),
    ("memory_sampler_interval_s", 61, "at most 60; rates are over a minute"),
    ("memory_sampler_history_mib", 1, "at least 2"),
    ("memory_warn_zram_fill_pct", 100, "at most 99"),
    ("memory_warn_zram_fill_pct", 9, "at least 10"),
    ("memory_warn_zram_ratio", 0.9, "from 1.0 to 6.0"),
    ("memory_warn_swap_in_mib_per_s", 0, "at least 1"),
    ("memory_warn_pressure_pct", "10", "a whole number from 1 to 100"),
    ("memory_warn_refault_mib_per_s", 0, "at least 1"),
    ("protected_services", ["postgres"], SERVICE_NAMES),
    ("protected_services", ["redis", "redis"], "a list in which nothing stands twice"),
    ("unprotected_oom_score_adj", 0, "at least 1"),
    ("unprotected_oom_score_adj", 1001, "at most 1000"),
    *(
        (f"{name}_{what}", value, said)
        for name, lowest in limits_mib().items()
        for what, value, said in (
            ("memory_limit_mib", lowest - 1, f"at least {lowest}"),
            ("memory_reservation_mib", -1, "at least 0"),
            ("swap_mib", 1048577, "at most 1048576"),
        )
    ),
]


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["pyinfra", "inventory.py", "deploy.py"])


def line_of(name: str) -> int:
    """The line of group_data/all.py that sets `name`, found without the code under test."""
    lines = ALL_PY.read_text("utf-8").splitlines()
    (number,) = (i for i, line in enumerate(lines, 1) if re.match(rf"{name} = ", line))
    return number


def test_the_same_names_everywhere():
    assigned = {
        name for name in runpy.run_path(str(ALL_PY)) if not name.startswith("_")
    }
    names = set(make().by_name())
    assert set(shipped()) == assigned == set(SCHEMA.declarations) == names - DERIVED
    assert names >= DERIVED


def test_all_is_sorted_and_without_doubles():
    names = runpy.run_path(str(ALL_PY))["__all__"]
    assert names == sorted(set(names))


def test_what_is_shipped_is_valid():
    assert problems() == []


def test_every_setting_has_a_wrong_value_here():
    assert {name for name, _, _ in WRONG} == set(SCHEMA.declarations)


@pytest.mark.parametrize(
    ("name", "value", "said"), WRONG, ids=[f"{name}={value!r}" for name, value, _ in WRONG]
)
def test_a_wrong_value(name, value, said):
    where = f"group_data/all.py:{line_of(name)}"
    assert problems(**{name: value}) == [f"{name} = {value!r} ({where}): {said}"]


def certificate(
    folder: Path, text: bytes = b"-----BEGIN CERTIFICATE-----\n", name: str = "ca.pem"
) -> str:
    """A file; most have one name in these tests."""
    folder.mkdir()
    (folder / name).write_bytes(text)
    return str(folder / name)


def test_certificates_of_the_same_name(tmp_path):
    paths = [certificate(tmp_path / "a"), certificate(tmp_path / "b")]
    assert problems(extra_ca_certificates=paths[:1]) == []
    (said,) = problems(extra_ca_certificates=paths)
    assert said.endswith(
        "files with different names; on the host they lie in one directory, and of these several "
        "would be xnai-ca.crt"
    )


@pytest.mark.parametrize(
    ("name", "on_host"),
    [
        ("Corp CA (2026).pem", "xnai-Corp-CA-2026.crt"),
        ("plain_1.2-x.crt", "xnai-plain_1.2-x.crt"),
        ("$(id);'\"`\n.pem", "xnai-id.crt"),
        ("Zertifikat für alle.pem", "xnai-Zertifikat-f-r-alle.crt"),
        ("***.pem", "xnai-ca.crt"),
    ],
)
def test_a_certificates_name_needs_no_quoting_on_the_host(name, on_host):
    assert name_on_host(f"/some/{name}") == on_host


@given(st.text(min_size=1).filter(lambda name: "/" not in name and "\0" not in name))
def test_no_name_of_a_certificate_reaches_a_shell(name):
    assert shlex.quote(name_on_host(f"/x/{name}")) == name_on_host(f"/x/{name}")


def test_names_that_only_differ_in_what_is_left_out_are_refused(tmp_path):
    paths = [certificate(tmp_path / name, name=f"{name}.pem") for name in ("a b", "a-b")]
    (said,) = problems(extra_ca_certificates=paths)
    assert said.endswith("several would be xnai-a-b.crt")


def test_a_certificate_that_is_not_pem(tmp_path):
    path = certificate(tmp_path / "a", b"\x30\x82\xff")
    (said,) = problems(extra_ca_certificates=[path])
    assert f"{PEM}; {path} is no text, so it may be in the binary form (DER): openssl x509" in said


@pytest.mark.parametrize("name", ["rooty", "me", "a-root", "r", "anna.smith"])
def test_users_that_are_allowed(name):
    assert problems(stack_user=name) == []


def test_all_wrong_values_at_once():
    said = problems(zram_size_pct_of_ram=900, redis_port=80, strict="no", zswap=None)
    assert [sentence.split(" = ")[0] for sentence in said] == [
        "strict", "zram_size_pct_of_ram", "zswap", "redis_port"
    ]


def test_dirty_background_must_be_below_dirty():
    assert problems(vm_dirty_background_ratio_pct=10) == [
        "vm_dirty_background_ratio_pct = 10 "
        f"(group_data/all.py:{line_of('vm_dirty_background_ratio_pct')}): "
        "must be below vm_dirty_ratio_pct = 10"
    ]


def test_a_setting_that_nobody_sets_is_its_default():
    sources = [layers.Layer("group_data/all.py", {"strict": True})]
    checked, said = SCHEMA.check(sources)
    assert said == []
    assert checked == SCHEMA.check([layers.Layer("--data", shipped() | {"strict": True})])[0]
    assert layers.origin(sources, "zswap") == "its default"


def test_the_stronger_source_is_blamed_and_wins():
    sources = [
        layers.Layer("--data", {"redis_port": 80}),
        layers.Layer("the inventory, host laptop", {"redis_port": 7000, "rag_api_port": 7001}),
        layers.Layer("group_data/all.py", shipped()),
    ]
    checked, said = SCHEMA.check(sources)
    assert said == [f"redis_port = 80 (--data): at least 1024; {PORT}"]
    assert checked["rag_api_port"] == 7001
    assert layers.origin(sources, "rag_api_port") == "the inventory, host laptop"
    assert layers.origin(sources, "zswap") == f"group_data/all.py:{line_of('zswap')}"


@pytest.mark.parametrize("value", [None, 1, 400])
def test_the_ends_of_what_is_allowed(value):
    assert problems(zram_size_pct_of_ram=value) == []


@pytest.mark.parametrize(
    "name",
    [
        "localhost/xnai/base:1",
        "registry.example:5000/a/b-c/d__e:1.2@sha256:" + "0" * 64,
        "ghcr.io/x/y:v1.2.3-rc.1",
    ],
)
def test_image_names_that_are_allowed(name):
    assert problems(base_image=name) == []


def test_honest_names_in_an_environment_are_none_of_secrets():
    names = ("MAX_TOKENS", "LLM_CONTEXT_TOKENS", "TOKENIZERS_PARALLELISM", "COMPASS_URL")
    environment = {name: "x" for name in names}
    assert problems(service_sources={"rag_api": SOURCE | {"environment": environment}}) == []


def test_a_registry_by_its_port_alone():
    assert problems(base_image="registry:5000/python:3.12-slim") == []


def test_a_private_key_beside_a_certificate(tmp_path):
    (tmp_path / "both.pem").write_text(
        "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
    )
    (said,) = problems(extra_ca_certificates=[str(tmp_path / "both.pem")])
    assert "holds a private key, which would end in every image" in said


def test_a_service_cannot_reserve_more_than_its_limit():
    (said,) = problems(redis_memory_reservation_mib=300)
    assert said == (
        "redis_memory_reservation_mib = 300 (group_data/all.py:"
        f"{line_of('redis_memory_reservation_mib')}): must be at most "
        "redis_memory_limit_mib = 256"
    )
    assert problems(redis_memory_reservation_mib=256) == []


def test_what_is_not_set_is_derived_from_the_limit_and_the_protection():
    found = make(redis_memory_limit_mib=100, rag_api_swap_mib=0)
    redis, rag_api = found.memory["redis"], found.memory["rag_api"]
    assert (redis.reservation_mib, redis.swap_mib) == (50, 50)
    assert (rag_api.reservation_mib, rag_api.swap_mib) == (0, 0)
    assert make(protected_services=[]).memory["redis"].reservation_mib == 0


def test_nothing_of_a_login_user_can_have_less_than_his_session():
    def scores(**changes):
        return {s.name: s.memory.oom_score_adj for s in services(make(**changes))}

    assert (scores()["redis"], scores()["llm"]) == (0, 300)
    login = scores(stack_user="me", unprotected_oom_score_adj=50)
    assert (login["redis"], login["llm"]) == (100, 100)


def test_two_services_cannot_have_one_port():
    assert problems(docs_port=8001) == [
        f"docs_port = 8001 (group_data/all.py:{line_of('docs_port')}): the port of "
        f"chainlit_ui_port (group_data/all.py:{line_of('chainlit_ui_port')}) too; choose another "
        "one"
    ]
    assert problems(redis_port=8000) == []
    assert "the port of redis_port" in problems(redis_port=8000, redis_publish_loopback=True)[0]
    assert problems(vikunja_port=8000, vikunja=False) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("llm_endpoint_url", "http://localhost.example:11434/v1"),
        ("llm_endpoint_url", "http://10.0.0.5:8080/v1"),
        ("llm_endpoint_url", "https://[2001:db8::1]/v1"),
        ("llm_model_file", "/srv/one-of-many.gguf"),
        ("llm_model_file", "/srv/1-of-3.gguf"),
        ("llm_model_file", "/srv/whole-00001-of-00001.gguf"),
        ("llm_endpoint_url", "http://10.1:8080/v1"),
        ("llm_endpoint_url", "http://localhost4.example/v1"),
        ("vikunja_db_image", "docker.io/pgvector/pgvector:0.8.1-pg17"),
        ("vikunja_time_zone", "America/Argentina/Ushuaia"),
        ("vikunja_time_zone", "Etc/GMT+5"),
        ("vikunja_account_name", "anna.2"),
        ("vikunja_db_image", "docker.io/library/postgres:17.6-trixie"),
        ("vikunja_db_image", "registry.example/mine:18"),
    ],
)
def test_what_only_looks_like_them_is_allowed(name, value):
    assert problems(**{name: value}) == []


def test_zram_has_one_size():
    (said,) = problems(zram_size_mib=4096, zram_size_pct_of_ram=100)
    assert said == (
        f"zram_size_mib = 4096 (group_data/all.py:{line_of('zram_size_mib')}): "
        f"zram_size_pct_of_ram = 100 (group_data/all.py:{line_of('zram_size_pct_of_ram')}) is set "
        "too; set one of them to None"
    )
