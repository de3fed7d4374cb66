"""What teardown removes and puts back, decided from what there is and what was."""
