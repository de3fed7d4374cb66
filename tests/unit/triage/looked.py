"""A stack of ours as triage sees it, healthy but for what a test says."""

from __future__ import annotations

from unit_settings import make

from xnai.diagnostics.signature import load
from xnai.stack.catalogue import services
from xnai.triage.ask import HostTriage, Looked
from xnai.triage.judge import judge
from xnai.triage.observation import Observation, Seen
from xnai.triage.observe.scope import Scope, needs, service_names

SIGNATURES = load()
SETTINGS = make()
HEALTHY = "running healthy restarts=0 policy=unless-stopped"
GOOD = {
    "docker-compose.yml": """\
name: xnai
services:
  redis: {container_name: xnai_redis, x-xnai: {run_arguments: [--stop-timeout=75]}}
  rag_api: {container_name: xnai_rag_api, x-xnai: {run_arguments: []}}
  docs: {container_name: xnai_docs, x-xnai: {run_arguments: []}}
""",
}


def container(service):
    """One as the collector tells it, in what the judge and the repair read."""
    return {
        "name": service.container_name, "id": f"id-{service.name}", "labels": {}, "env": [],
        "dependencies": [], "networks": {}, "status": "running", "health": "healthy",
        "mounts": [
            {"name": volume, "source": f"/volumes/{volume}/_data", "target": path}
            for volume, path in service.volumes
        ],
    }


def looked(*observations, ours=True, without=()):
    """What triage saw and judged."""
    wanted = services(SETTINGS)
    containers = [container(one) for one in wanted if one.container_name not in without]
    store = {"user": "xnai", "uid": 2000, "containers": containers, "answers": {}}
    scope = Scope("stack xnai", store, containers, wanted if ours else (), "sudo xnai-podman",
                  "xnai")
    seen = Seen(needs=needs(scope), services=service_names(scope), scope=scope.words)
    seen.observations += observations
    told = {one.entity for one in observations if one.kind == "state"}
    names = [one["name"] for one in containers]
    seen.observations += [Observation("state", name, HEALTHY) for name in names if name not in told]
    return Looked(scope, seen, judge(seen, SIGNATURES))


def triaged(*observations, **more):
    """What triage found on a host."""
    return HostTriage((looked(*observations, **more),), (), SETTINGS, {}, (), GOOD)
