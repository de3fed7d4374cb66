#!/bin/sh
# gguf-parser-go v0.28.1 and llama.cpp as xllamacpp 2026.10.11549 has it: how much memory computing takes.
#
# Expected: the estimate of a run on the processor alone (no layer offloaded) is near what llama.cpp itself allocates.
# Seen: for a model with a vocabulary of 131,072 tokens the estimate of the compute buffer is more than ten times what
#   llama.cpp says that it allocates: it counts logits (4 bytes a token of the vocabulary) for each of the 512 tokens of
#   a batch; llama.cpp reserves those of one output a sequence. With the vocabularies of today (Llama 3: 128,256,
#   Gemma 3: 262,144 tokens) this is the largest term: a model that fits seems not to.
# Needs Go, and modules from a proxy. Fails (exit 1) where that has changed.
set -eu
command -v go > /dev/null || { echo "not tried: Go is missing"; exit 0; }
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv it
it/bin/pip install -q xllamacpp==2026.10.11549 gguf==0.19.0
cat > make.py <<'END'
import gguf
import numpy

LAYERS, WIDE, INNER, WORDS = 2, 256, 512, 131072
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


def plain(name, *shape):
    writer.add_tensor(name, numpy.full(shape, 0.01, numpy.float16 if len(shape) > 1 else numpy.float32))


plain("token_embd.weight", WORDS, WIDE)
plain("output_norm.weight", WIDE)
for layer in (f"blk.{n}." for n in range(LAYERS)):
    plain(layer + "attn_norm.weight", WIDE)
    plain(layer + "ffn_norm.weight", WIDE)
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        plain(layer + part + ".weight", WIDE, WIDE)
    plain(layer + "ffn_gate.weight", INNER, WIDE)
    plain(layer + "ffn_up.weight", INNER, WIDE)
    plain(layer + "ffn_down.weight", WIDE, INNER)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
END
cat > load.py <<'END'
import os

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = "model.gguf"
params.n_ctx = 2048
params.n_parallel = 1
params.fit_params = False
params.warmup = False
params.port = 18082
params.verbosity = 5
server = xllamacpp.Server(params)
os._exit(0)
END
mkdir estimate
cat > estimate/go.mod <<'END'
module estimate

go 1.22

require github.com/gpustack/gguf-parser-go v0.28.1
END
cat > estimate/main.go <<'END'
package main

import (
	"fmt"

	parser "github.com/gpustack/gguf-parser-go"
)

func main() {
	file, err := parser.ParseGGUFFile("../model.gguf")
	if err != nil {
		panic(err)
	}
	run := file.EstimateLLaMACppRun(parser.WithLLaMACppContextSize(2048), parser.WithLLaMACppOffloadLayers(0))
	fmt.Println(uint64(run.Devices[0].Computation.Sum()) >> 20)
}
END
it/bin/python make.py
allocated=$(it/bin/python load.py 2>&1 | sed -n 's/.*CPU compute buffer size = *\([0-9]*\)\..*/\1/p' | tail -n 1)
export GOPATH="$folder/go" GOFLAGS=-mod=mod
cd estimate
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 2; }
estimated=$(go run .)
echo "computing 512 tokens, vocabulary 131,072: estimated $estimated MiB, allocated by llama.cpp $allocated MiB"
if [ "$estimated" -lt $((allocated * 10)) ]; then
    echo "changed: the estimate is within ten times"
    exit 1
fi
