"""The machine below the stack: packages, the user that runs it, files of the system's."""
