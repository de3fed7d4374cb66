"""The RAG API: answers questions from ingested documents."""
