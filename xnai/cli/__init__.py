"""The `xnai` command, which looks at hosts and changes none."""
