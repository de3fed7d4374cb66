"""Images whose program runs as root."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.model import Hit, RuleSeverity
from xnai.audit.names import OF_TESTS
from xnai.audit.own_images import line_of_bases, stood_on_by
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

# Official images that leave their user as root and start what they are told. Servers such as
# postgres, which give up root by themselves, are none of them.
_ROOT = re.compile(
    r"(docker\.io/)?(library/)?(python|node|golang|ruby|debian|ubuntu|alpine|openjdk|rust|fedora|"
    r"eclipse-temurin|rockylinux|almalinux|amazonlinux|busybox|buildpack-deps|perl|pypy)([:@].*)?"
)
_DROPS = re.compile(
    r"\b(gosu|su-exec|setpriv|runuser|s6-setuidgid|chpst|supervisord)\b|\bsu\s+(-\S*\s+)*\w"
)
# A container that is a whole system: its process 1 hands out rights itself, as root.
_INIT = re.compile(r"/(systemd|s?bin/init|init)\b")
# Where a cluster is told what to run, and as whom.
_MANIFEST = re.compile(r"(^|/)[^/]*(k8s|kube|helm|chart|manifest|kustom|deploy)[^/]*/.*\.ya?ml$")
_UNPRIVILEGED = re.compile(r"runAsNonRoot:\s*true|runAsUser:\s*[1-9]")
_MAX_MANIFESTS = 200


def _set_by_cluster(tree: Tree, directory: str) -> bool:
    """Whether a manifest runs the image that is named like a directory as somebody else."""
    name = posixpath.basename(directory)
    if not name:
        return False
    image = re.compile(rf"(?m)^\s*(-\s+)?image:\s*\S*\b{re.escape(name)}\b")
    manifests = sorted(path for path in tree.files if _MANIFEST.search(path))
    return any(
        _UNPRIVILEGED.search(text) and image.search(text)
        for text in map(tree.text, manifests[:_MAX_MANIFESTS])
    )


def _script(tree: Tree, text: str) -> list[str]:
    """The lines of the tree's script that an instruction starts, found by its name."""
    names = set(re.findall(r"[\w.-]+\.sh\b|[\w-]*entrypoint[\w-]*", text))
    found = [path for path in sorted(tree.files) if posixpath.basename(path) in names]
    return [line for path in found[:5] for line in tree.text(path).split("\n")]


def _run_itself(tree: Tree, path: str) -> bool:
    return any(
        compose.dockerfile(service) == path and "profiles" not in service.data
        for compose in tree.composes for service in compose.services
    )


def _set_by_compose(tree: Tree, path: str) -> bool:
    services = [
        service for compose in tree.composes for service in compose.services
        if compose.dockerfile(service) == path
    ]
    return bool(services) and all(
        service.text("user").partition(":")[0] not in {"", "0", "root"} for service in services
    )


class DockerNoUser(Rule):
    """A last stage on a root image without USER, with something that runs."""

    id = "docker_no_user"
    severity = "warning"
    title = "runs as root"
    remedy = "Make a user and name it by number at the end: USER 10001:10001."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the FROM line of the last stage."""
        for file in tree.dockerfiles:
            lineage = line_of_bases(tree, file)
            if stood_on_by(tree, file) \
                    and not _run_itself(tree, file.path):
                continue  # what stands on it is judged with it
            runs = any(stage.all("CMD", "ENTRYPOINT") for stage in lineage)
            user = any(stage.all("USER") for stage in lineage)
            user |= any(_INIT.search(one.text) for stage in lineage
                        for one in stage.all("CMD", "ENTRYPOINT"))
            root_image = lineage[-1].base
            if user or not runs or not _ROOT.fullmatch(root_image):
                continue
            started = [file.lines, *(_script(tree, one.text) for stage in lineage
                                     for one in stage.all("CMD", "ENTRYPOINT"))]
            if any(_DROPS.search("\n".join(lines)) for lines in started) \
                    or _set_by_compose(tree, file.path) \
                    or _set_by_cluster(tree, file.directory):
                continue
            what = f"{root_image} runs everything as root."
            severity: RuleSeverity | None = "info" if OF_TESTS.search(file.path) else None
            yield Hit(file.path, file.last.line, what, severity=severity)
