"""One step a stage: read, call the pure function, write."""
