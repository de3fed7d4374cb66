"""The crawler: takes URLs from a Redis stream and puts the pages' text into the library."""
