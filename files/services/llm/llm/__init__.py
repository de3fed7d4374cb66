"""A local language model: llama.cpp's own OpenAI-compatible server around one GGUF file."""
