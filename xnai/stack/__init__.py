"""What the stack is: its services, its files on a host, the plan, and how a host differs."""
