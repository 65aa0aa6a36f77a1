"""The command line, `dlf`: one file a command, on the same jobs and the same Dagster instance as the UI."""
