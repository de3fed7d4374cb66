#!/bin/sh
# llama.cpp as xllamacpp 2026.10.11549 has it: a model loaded by mmap, its default, is in memory twice.
#
# Expected: with load mode mmap the weights are the file's pages, and little beside them is anonymous.
# Seen: weights in Q4_K (Q4_0 and others too) are copied into a buffer CPU_REPACK, in an order that this processor is
#   faster with, and the pages that they were copied from stay resident: anonymous memory grows by the size of the model
#   and file-backed memory too. With no_extra_bufts (llama-server's --no-repack) the weights are there once.
#   Reported as ggml-org/llama.cpp #16761 (2025-10), with repairs proposed in #24156.
# Needs a processor with AVX2, for which llama.cpp has that order. Fails (exit 1) where that has changed.
set -eu
grep -qw avx2 /proc/cpuinfo || { echo "not tried: this processor has no AVX2"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv it
it/bin/pip install -q xllamacpp==2026.10.11549 gguf==0.19.0
cat > make.py <<'END'
import gguf
import numpy

LAYERS, WIDE, INNER, WORDS = 4, 2048, 8192, 1000
KIND = gguf.GGMLQuantizationType.Q4_K
writer = gguf.GGUFWriter("model.gguf", "llama")
writer.add_block_count(LAYERS)
writer.add_context_length(2048)
writer.add_embedding_length(WIDE)
writer.add_feed_forward_length(INNER)
writer.add_head_count(32)
writer.add_head_count_kv(8)
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
    weights(layer + "attn_k.weight", 512, WIDE)
    weights(layer + "attn_v.weight", 512, WIDE)
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
import os
import re
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = "model.gguf"
params.n_ctx = 512
params.n_parallel = 1
params.fit_params = False
params.warmup = False
params.port = 18081
params.verbosity = 0
params.no_extra_bufts = sys.argv[1] == "once"
server = xllamacpp.Server(params)
status = open("/proc/self/status").read()
print(*(int(re.search(rf"{key}:\s+(\d+)", status)[1]) >> 10 for key in ("RssAnon", "RssFile")), flush=True)
os._exit(0)
END
it/bin/python make.py
size=$(($(stat -c %s model.gguf) >> 20))
set -- $(it/bin/python load.py default 2> /dev/null)
default=$1
echo "model $size MiB; by default: anonymous $1 MiB, of files $2 MiB"
set -- $(it/bin/python load.py once 2> /dev/null)
echo "without the copy: anonymous $1 MiB, of files $2 MiB"
if [ $((default - $1)) -lt $((size * 8 / 10)) ]; then
    echo "changed: the copy is gone, or smaller than the model"
    exit 1
fi
