"""A Hub of data sets on loopback, for tests of what publishes to it and of what downloads from it."""
