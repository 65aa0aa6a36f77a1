"""Model servers for tests: the real mlx_vlm.server on a checkpoint of 1 MB, and loopback servers that speak the
documented formats of those that cannot be installed here."""
