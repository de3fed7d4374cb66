"""xnai: turns a Linux workstation into a healthy home for a local AI stack, and proves it."""
