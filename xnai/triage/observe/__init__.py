"""What was collected as observations: parsed and compared, and not judged."""
