"""Videos: fetching a file of one, and choosing its frames."""
