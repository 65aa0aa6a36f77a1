"""What the factory makes: the Dagster graph, and the command line on it."""

import warnings

# Dagster warns of each use of what may still change ("beta", "preview"); the version is pinned, so nothing can change.
warnings.filterwarnings("ignore", message=r"Parameter `backfill_policy` of function `asset` is currently in beta")
warnings.filterwarnings("ignore", message=r"Specifying a partitions_def on an AssetCheckSpec is currently in preview")
