"""What a stack does with a machine's memory, measured by phases: `xnai baseline`."""
