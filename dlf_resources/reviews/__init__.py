"""The log of what people said: kept, shared between machines, and told to the stages."""
