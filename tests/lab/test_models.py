"""A language model of one's own: what it needs is told, its limit follows, and it is served."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import replace

import pytest

from benchmarks.models.made import MODELS, make
from xnai.lab.deploying import ROOT, deploy, environment, xnai_argv

pytestmark = pytest.mark.lab

MODEL, CUT = "/srv/model.gguf", "/srv/cut.gguf"
CONTEXT_TOKENS = 16_384
# So small that it is quickly made; all its heads keep keys and values, so that its context is not.
SMALL = replace(
    MODELS["llama3.2-1b"], layers=3, embedding=1024, feed_forward=2048, key_heads=32,
    vocabulary=5_000,
)
# Prints how many tokens came, and the most that any process of the container held, in KiB: its
# first one only passes signals on.
ASK = """
import glob, json, os, re, urllib.request
asked = json.dumps({"prompt": [3, 4, 5] * 200, "n_predict": 4, "ignore_eos": True}).encode()
request = urllib.request.Request(
    "http://127.0.0.1:8080/completion", asked, {"Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request, timeout=300))["tokens_predicted"])
others = [p for p in glob.glob("/proc/[0-9]*/status") if p.split("/")[2] != str(os.getpid())]
print(max(int(re.search("VmHWM:(.*) kB", open(path).read())[1]) for path in others))
"""


def fit(machine, *words):
    return subprocess.run(
        xnai_argv("fit", *words), cwd=ROOT, env=environment(machine), capture_output=True,
        text=True, check=False,
    )


@pytest.fixture
def model(deployed, tmp_path):
    """A model on the machine, and one that is cut off; the stack is the shipped one afterwards."""
    path = tmp_path / "model.gguf"
    make(path, SMALL)
    deployed.run(
        f"base64 -d > {MODEL}; head -c -100000 {MODEL} > {CUT}; chmod 644 {MODEL} {CUT}",
        stdin=base64.encodebytes(path.read_bytes()).decode(), timeout_s=600,
    )
    yield path
    outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    deployed.run(f"rm {MODEL} {CUT}")


def test_a_model_of_ones_own(deployed, model):
    done = fit(deployed, MODEL, CUT, "--context", str(CONTEXT_TOKENS), "--json")
    assert done.returncode == 2, done.stdout + done.stderr
    (rows,) = json.loads(done.stdout).values()
    good, cut = rows
    assert good["fits"] and good["architecture"] == "llama"
    assert good["limit_mib"] > 512
    assert "it is cut off: its header tells of" in cut["why_not_known"]

    settings = ("--data", f"llm_context_tokens={CONTEXT_TOKENS}", "--data")
    outcome = deploy(deployed, *settings, f"llm_model_file={CUT}")
    assert outcome.code != 0 and outcome.changed == ()
    assert "it is cut off: its header tells of" in outcome.log

    outcome = deploy(deployed, *settings, f"llm_model_file={MODEL}")
    assert outcome.code == 0, outcome.log
    limit = deployed.run("xnai-podman inspect --format '{{.HostConfig.Memory}}' xnai_llm").stdout
    assert int(limit) == good["limit_mib"] << 20
    answered = deployed.run("xnai-podman exec -i xnai_llm python -", stdin=ASK, timeout_s=600)
    tokens, held_kib = map(int, answered.stdout.split())
    assert tokens == 4
    predicted_mib = good["total_bytes"] / 2**20
    print(f"\npredicted {predicted_mib:.0f} MiB; held {held_kib / 1024:.0f} MiB")
    assert abs(held_kib / 1024 - predicted_mib) < 0.1 * predicted_mib

    again = deploy(deployed, *settings, f"llm_model_file={MODEL}")
    assert (again.code, again.changed) == (0, ()), again.log
