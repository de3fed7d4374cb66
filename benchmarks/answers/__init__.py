"""Questions over written corpora, and how the RAG API answers them."""
