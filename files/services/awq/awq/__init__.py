"""Quantises a local model with AWQ, on the CPU and offline.

    python -m awq MODEL_DIR OUTPUT_DIR --calibration texts.jsonl

The result has weights of 4 bits in groups of 128 and is read by vLLM and transformers
(compressed-tensors). llama.cpp does not read it: it has GGUF files of its own.

**Size.** The lock is from PyPI like every other one here, and PyPI's torch for Linux depends on
CUDA's libraries: 3 GB installed, none of them used. With an index of one's own that serves torch's
CPU-only wheels (such as a mirror of download.pytorch.org/whl/cpu), lock against it (`uv pip
compile --index …`): torch's version then ends in `+cpu`, and the lines of nvidia-*, cuda-* and
triton are gone. The image's build takes packages from one index (setting: package_index_url) by
their hashes, so that index must serve the other packages, too.
"""
