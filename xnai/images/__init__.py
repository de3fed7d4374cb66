"""What goes into an image, whether it must be built, and why a build failed."""
