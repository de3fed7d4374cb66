"""Ways to run a machine, behind one small interface."""
