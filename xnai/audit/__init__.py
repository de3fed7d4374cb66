"""`xnai audit`: Makefiles, Dockerfiles and compose files of any tree, judged without a run."""
