"""Images that stand in for official ones where no public registry can be reached."""
