#!/bin/sh
# llama.cpp as xllamacpp 2026.10.11549 has it: a context that is longer than what the model was trained for.
#
# Expected: memory is held for the context that requests get.
# Seen: keys and values are held for all that was asked for (here 65,536 tokens, 128 MiB), and after that the server caps
#   what a request gets at the length of the training (2,048 tokens, 4 MiB), with a warning in its log. /health, /props
#   and the exit code tell nothing of the memory.
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv it
it/bin/pip install -q xllamacpp==2026.10.11549 gguf==0.19.0
cat > make.py <<'END'
import gguf
import numpy

LAYERS, WIDE, INNER, WORDS = 2, 256, 512, 1000
KIND = gguf.GGMLQuantizationType.Q4_K
writer = gguf.GGUFWriter("model.gguf", "llama")
writer.add_block_count(LAYERS)
writer.add_context_length(2048)
writer.add_embedding_length(WIDE)
writer.add_feed_forward_length(INNER)
writer.add_head_count(4)
writer.add_head_count_kv(4)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(64)
writer.add_tokenizer_model("llama")
writer.add_token_list(["<unk>", "<s>", "</s>", *(f"word{n}" for n in range(WORDS - 3))])
writer.add_token_scores([0.0] * WORDS)
writer.add_token_types([2, 3, 3, *([1] * (WORDS - 3))])


def plain(name, size):
    writer.add_tensor(name, numpy.ones(size, numpy.float32))


def weights(name, rows, columns):
    blocks = numpy.zeros((rows, columns // 256 * 144), numpy.uint8)
    writer.add_tensor(name, blocks, raw_dtype=KIND)


weights("token_embd.weight", WORDS, WIDE)
plain("output_norm.weight", WIDE)
for layer in (f"blk.{n}." for n in range(LAYERS)):
    plain(layer + "attn_norm.weight", WIDE)
    plain(layer + "ffn_norm.weight", WIDE)
    weights(layer + "attn_q.weight", WIDE, WIDE)
    weights(layer + "attn_k.weight", WIDE, WIDE)
    weights(layer + "attn_v.weight", WIDE, WIDE)
    weights(layer + "attn_output.weight", WIDE, WIDE)
    weights(layer + "ffn_gate.weight", INNER, WIDE)
    weights(layer + "ffn_up.weight", INNER, WIDE)
    weights(layer + "ffn_down.weight", WIDE, INNER)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
END
cat > load.py <<'END'
import json
import os
import sys
import urllib.request

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = "model.gguf"
params.n_ctx = 65536
params.n_parallel = 1
params.fit_params = False
params.warmup = False
params.port = 18084
params.verbosity = 5
server = xllamacpp.Server(params)
props = json.load(urllib.request.urlopen(server.listening_address + "/props"))
print("tokens a request gets:", props["default_generation_settings"]["n_ctx"], file=sys.stderr, flush=True)
os._exit(0)
END
it/bin/python make.py
it/bin/python load.py > log 2>&1
held=$(sed -n 's/.*CPU KV buffer size = *\([0-9]*\)\..*/\1/p' log | tail -n 1)
gets=$(sed -n 's/.*tokens a request gets: *//p' log)
echo "asked for 65,536 tokens, trained for 2,048: $held MiB held, a request gets $gets tokens"
if [ "$held" -lt 100 ] || [ "$gets" -ne 2048 ]; then
    echo "changed: what is held and what can be used are one"
    exit 1
fi
