"""One file a step of deploy.py. Each can be run alone: pyinfra inventory.py tasks/memory.py."""
