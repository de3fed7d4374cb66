"""The language model: llama.cpp's server with a small model, or a file of the user's."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from xnai.images.model import Image
from xnai.settings import checks
from xnai.settings.checks import Refused
from xnai.settings.declaration import MemoryDefaults, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, Service
from xnai.stack.shared import http_health, lock, memory, own_user, reference

DOCKERFILE = "Dockerfile.llm"

# Where a larger model's file appears in its container.
_MODEL_PATH = "/models/model.gguf"


def endpoint_url(value: object) -> str:
    """Check for an http(s) address that containers can reach, without credentials."""
    url = checks.index_url(value)
    host = (urlsplit(url).hostname or "").rstrip(".")
    if _is_loopback(host):
        raise Refused(
            "an address of the machine's in its network, or another machine's: in a container "
            "this one is the container itself. Let the server listen there (Ollama: OLLAMA_HOST), "
            "and write it as http://192.168.1.10:11434/v1"
        )
    return url


# As /etc/hosts of Debian, Ubuntu and Fedora has them.
_LOOPBACK_NAMES = {
    "localhost", "localhost4", "localhost6", "localhost.localdomain", "ip6-localhost",
    "ip6-loopback",
}


def _is_loopback(host: str) -> bool:
    """Whether a host of a URL means whoever asks; also in the spellings that inet_aton(3) takes."""
    if host in _LOOPBACK_NAMES or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ip_address(socket.inet_aton(host))
        except OSError:
            return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def model_file(value: object) -> str:
    """Check for an absolute path on the host of a model that is one file."""
    path = checks.host_path(value)
    part = re.search(r"-([0-9]{5})-of-([0-9]{5})\.gguf$", path)
    if part and int(part[2]) > 1:
        whole = path[: part.start()] + ".gguf"
        raise Refused(
            f"one file, not part {int(part[1])} of {int(part[2])}: join them first (llama.cpp's "
            f"llama-gguf-split --merge FIRST-PART {whole}), and name that"
        )
    return path


@dataclass(frozen=True)
class LlmSettings:
    """What the language model is."""

    llm_endpoint_url: str | None = setting(
        None,
        checks.optional(endpoint_url),
        "The language model: an OpenAI-compatible endpoint such as \"http://10.0.0.5:8080/v1\". "
        "None: the stack's own llama.cpp server with a small model (SmolLM2-135M), or with "
        "llm_model_file.",
    )
    llm_model_file: str | None = setting(
        None,
        checks.optional(model_file),
        "A GGUF file on the host, readable by everybody: the container's user is none of the "
        "host's. None: the small model in the image.",
        on_host="file",
        mapped_by="llm",
    )
    llm_model_name: str = setting(
        "SmolLM2-135M-Instruct",
        checks.pattern(
            r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}", "a model's name: letters, digits and . _ / : -"
        ),
    )
    llm_threads: int = setting(
        2,
        # llama.cpp's threads wait for each other: more than the processors is slower than one.
        checks.integer(1, 256),
        "llama.cpp is fastest with one thread a physical core, and far slower with more threads "
        "than processors.",
    )
    llm_context_tokens: int = setting(2048, checks.integer(256, 1 << 20))


def service(settings: Settings) -> Service | None:
    """Return the server, or None where the model is elsewhere."""
    own = settings.of(LlmSettings)
    if own.llm_endpoint_url is not None:
        return None
    file = own.llm_model_file
    model = (("LLM_MODEL_FILE", _MODEL_PATH),) if file else ()
    return Service(
        name="llm",
        container_name=f"{settings.stack_name}_llm",
        build="llm",
        memory=memory(settings, "llm"),
        networks=(settings.stack_name,),
        user=own_user(settings),
        environment=(
            ("LLM_THREADS", str(own.llm_threads)),
            ("LLM_CONTEXT_TOKENS", str(own.llm_context_tokens)),
            *model,
        ),
        health_command=http_health("http://127.0.0.1:8080/health"),
        port=8080,
        binds=((file, _MODEL_PATH),) if file else (),
        tmpfs=("/tmp",),  # noqa: S108  (paths inside containers)
    )


def image(settings: Settings) -> Image:
    """Return its image."""
    return Image(
        name="llm",
        title="language model server",
        dockerfile=DOCKERFILE,
        copies=reference("llm"),
        requirements=lock("llm"),
        # llama.cpp's OpenMP runtime, which no wheel brings.
        apt_packages=("libgomp1",),
        command=("python", "-m", "llm"),
        port=8080,
        built=settings.of(LlmSettings).llm_endpoint_url is None,
    )


BUILT_IN = BuiltIn(
    name="llm",
    place=20,
    settings=LlmSettings,
    memory=MemoryDefaults(
        limit_mib=512,
        lowest_mib=256,
        reason="None: 512 with the small model, which has some 200 MiB and the context resident; "
        "with llm_model_file what its header says it needs, and a tenth (`xnai fit`). A model file "
        "larger than the limit is read again and again from disk.",
        of_model=True,
    ),
    service=service,
    image=image,
    dockerfile=DOCKERFILE,
)
