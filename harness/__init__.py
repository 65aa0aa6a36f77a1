"""What drives the real thing from outside: `dlf review` as a process, Chromium, tables of any size.

Tests, benchmarks and the pictures of the docs use it; nothing of the product does, and no wheel carries it.
"""
