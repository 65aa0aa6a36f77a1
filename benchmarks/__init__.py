"""Programs that measure: speed and memory as a ratio to a baseline of the same run, and quality. JSON out."""
