"""The RAG API: answers questions from ingested documents, and cites them."""

import os

# Before numpy loads OpenBLAS, whose threads spin while they wait. One query's product of a matrix
# and a vector is too small for a second thread.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
