"""The curation worker: brings crawled pages into the RAG API, each text once."""
