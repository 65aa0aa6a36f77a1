"""What the factory makes: the Dagster graph, and the command line on it."""

import os
import sys
import warnings

# Before Arrow is loaded: readers of Parquet take this pool whatever is chosen later, and Arrow's own keeps what was
# freed (60 MB of a table of a million boxes). glibc gives it back (`dlf_resources/heap.py`); processes that are started
# from here do it likewise.
if sys.platform.startswith("linux"):
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

# Dagster warns of each use of what may still change ("beta", "preview"); the version is pinned, so nothing can change.
warnings.filterwarnings("ignore", message=r"Parameter `backfill_policy` of function `asset` is currently in beta")
warnings.filterwarnings("ignore", message=r"Specifying a partitions_def on an AssetCheckSpec is currently in preview")
