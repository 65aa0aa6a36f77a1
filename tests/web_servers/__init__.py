"""The searches that images come from, on loopback: Openverse, Wikimedia Commons, and DuckDuckGo as `ddgs` asks it."""
