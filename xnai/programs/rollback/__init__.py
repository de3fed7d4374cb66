"""The data of a service whose image changes: copied before, put back with the image before."""
