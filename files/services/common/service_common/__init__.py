"""What several services of ours need; part of the base image. The standard library alone, but for html_text."""
