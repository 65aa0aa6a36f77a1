"""Where people look and decide: a server, and the page it serves. It knows projects and stores, not Dagster."""
