"""From a file to its text: which kind it is, and a module for each kind."""
