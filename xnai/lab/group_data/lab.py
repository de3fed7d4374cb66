"""Settings of lab machines alone; passed by ``pyinfra … --group-data xnai/lab/group_data``."""

from xnai.lab import bootstrap as _bootstrap
from xnai.lab import registry as _registry

__all__ = [
    "base_image",
    "extra_ca_certificates",
    "host_reserve_mib",
    "llm_threads",
    "redis_image",
    "registry_mirrors",
    "stack_health_interval_s",
    "vikunja_image",
]

_port = _registry.port()

# Where the lab's registry was started, docker.io is asked there; else it is asked itself.
registry_mirrors = (
    {
        "docker.io": {
            "location": f"{_registry.HOST_AS_SEEN_BY_GUESTS}:{_port}",
            "insecure": True,
        }
    }
    if _port
    else {}
)

# A proxy that inspects TLS on this controller does so for its guests too.
extra_ca_certificates = [str(path) for path in _bootstrap.extra_ca_certificates()]

# A machine of 3 GiB without a desktop.
host_reserve_mib = 768

# Threads of one process do not run at the same time under user-mode Linux, and llama.cpp's wait
# for each other: with two nothing comes back.
llm_threads = 1

base_image = "docker.io/library/python:3.13-slim"
redis_image = "docker.io/library/redis:8.0"
# The lab's own program in its place: no registry that the lab reaches has the real one.
vikunja_image = "docker.io/vikunja/vikunja:contract"

# What waits here runs the checks itself. At 30 s those of nine containers took 40 % of a processor
# of the host for each machine, idle or not: a process that starts costs user-mode Linux a second.
stack_health_interval_s = 300
