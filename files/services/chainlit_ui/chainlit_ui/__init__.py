"""The chat page: asks the RAG API and shows its answer with the sources."""
