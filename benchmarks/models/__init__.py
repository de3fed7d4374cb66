"""What models need in memory, predicted from their headers and measured."""
