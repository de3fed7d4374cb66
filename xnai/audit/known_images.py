"""What is known of public images without pulling them: programs that they lack, names they read.

Small on purpose: an image that does not stand here is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_OFFICIAL = r"(docker\.io/)?(library/)?"

# Programs that health checks like to call, by images that do not have them. The first match counts.
LACKS: Mapping[str, frozenset[str]] = {
    # From scratch: nothing but the server itself.
    r"(docker\.io/)?vikunja/(vikunja|api)(:.*)?": frozenset({"curl", "wget", "sh", "nc"}),
    r"gcr\.io/distroless/.*(?<!debug)": frozenset({"curl", "wget", "sh", "nc"}),
    # busybox brings wget and nc, nobody brings curl.
    # Its entrypoint is written for bash.
    _OFFICIAL + r"postgres:[^@]*alpine.*": frozenset({"curl"}),
    _OFFICIAL + r"(python|node|golang|redis|valkey|ruby|alpine|haproxy):[^@]*alpine.*":
        frozenset({"curl", "bash"}),
    _OFFICIAL + r"alpine(:.*)?": frozenset({"curl"}),
    _OFFICIAL + r"(python|node|ruby|debian):[^@]*slim.*": frozenset({"curl", "wget", "nc"}),
    _OFFICIAL + r"(redis|postgres|debian|ubuntu)(:.*)?": frozenset({"curl", "wget", "nc"}),
    r"(docker\.io/)?(valkey/valkey|pgvector/pgvector)(:.*)?": frozenset({"curl", "wget", "nc"}),
    r"(docker\.io/)?qdrant/qdrant(:.*)?": frozenset({"curl", "wget", "nc"}),
    r"(docker\.io/)?ollama/ollama(:.*)?": frozenset({"curl", "wget", "nc"}),
    # Their Dockerfiles: busybox alone (prometheus), Alpine without curl, nothing but the binary.
    r"((docker|quay)\.io/)?(prom|prometheus)/(prometheus|alertmanager|node-exporter|pushgateway|"
    r"blackbox-exporter)(:.*)?": frozenset({"curl"}),
    _OFFICIAL + r"caddy:[^@]*windows.*": frozenset({"sh", "wget", "nc"}),
    _OFFICIAL + r"(caddy|traefik)([:@].*)?": frozenset({"curl", "bash"}),
    # Alpine's variant has curl and busybox' wget, Ubuntu's has curl alone.
    r"(docker\.io/)?grafana/grafana(-oss|-enterprise)?:[^@]*ubuntu.*": frozenset({"wget", "nc"}),
    r"(docker\.io/)?grafana/(loki|promtail|tempo|mimir)(:.*)?": frozenset({"curl"}),
    r"(docker\.io/)?(portainer/portainer-(ce|ee)|traefik/whoami|axllent/mailpit)(:.*)?":
        frozenset({"curl", "bash"}),
    _OFFICIAL + r"(mariadb|mongo|rabbitmq|memcached)([:@].*)?":
        frozenset({"curl", "wget", "nc"}),
    # From its Dockerfile: curl is in both variants, wget is busybox' in Alpine's alone.
    _OFFICIAL + r"nginx:[^@]*alpine.*": frozenset({"bash"}),
    _OFFICIAL + r"nginx([:@].*)?": frozenset({"wget", "nc"}),
    r"quay\.io/keycloak/keycloak(:.*)?": frozenset({"curl", "wget", "nc"}),
    r"(docker\.io/)?(n8nio/n8n|langfuse/langfuse|docker\.n8n\.io/n8nio/n8n)([:@].*)?":
        frozenset({"curl"}),
}

# Official images whose Dockerfile has no HEALTHCHECK.
UNCHECKED = re.compile(
    _OFFICIAL + r"(python|node|redis|valkey|postgres|mysql|mariadb|mongo|rabbitmq|nginx|httpd|"
    r"memcached|debian|ubuntu|alpine|golang|ruby|php|traefik|caddy)([:@].*)?"
)

POSTGRES = re.compile(r"(docker\.io/)?(library/postgres|postgres|pgvector/pgvector)([:@].*)?")
REDIS = re.compile(r"(docker\.io/)?(library/)?redis([:@].*)?")
VIKUNJA = re.compile(r"(docker\.io/)?vikunja/(vikunja|api)([:@].*)?")

# The entrypoint of the official image (docker-library/postgres, docker-entrypoint.sh).
POSTGRES_READS = frozenset(
    f"POSTGRES_{name}{end}" for name in ("PASSWORD", "USER", "DB", "INITDB_ARGS")
    for end in ("", "_FILE")
) | {"POSTGRES_INITDB_WALDIR", "POSTGRES_HOST_AUTH_METHOD"}

# The sections of Vikunja's configuration; a variable is VIKUNJA_<SECTION>_<KEY>.
VIKUNJA_SECTIONS = frozenset({
    "SERVICE", "SENTRY", "DATABASE", "TYPESENSE", "REDIS", "CORS", "MAILER", "LOG", "RATELIMIT",
    "FILES", "MIGRATION", "AVATAR", "BACKGROUNDS", "LEGAL", "KEYVALUE", "AUTH", "METRICS",
    "DEFAULTSETTINGS", "WEBHOOKS", "AUTOTLS", "PLUGINS", "OUTGOINGREQUESTS", "AUDIT", "LICENSE",
})


def is_known(image: str) -> bool:
    """Return whether something is known of what an image lacks."""
    return any(re.fullmatch(pattern, image) for pattern in LACKS)


def lacks(image: str, program: str) -> bool:
    """Return whether an image is known to lack a program."""
    for pattern, programs in LACKS.items():
        if re.fullmatch(pattern, image):
            return program in programs
    return False
