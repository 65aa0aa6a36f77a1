"""imagededup's perceptual hashes of image files, from a virtual environment of its own.

python -m benchmarks.imagededup_baseline FILE ...
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.own_venv import own_venv

METHODS = ("PHash", "DHash")
THRESHOLD = 10
"""Bits at which imagededup takes two pictures for the same, by its default."""

# Without --no-deps pip also brings torch, torchvision and scikit-learn, some gigabytes, for the CNN that is not asked
# here. What decides a hash is pinned: the decoder, its resampling, the DCT.
PINS = (
    "imagededup==0.3.3.post2",
    "pillow==13.0.0",  # decodes, and resizes to 32 × 32 or 9 × 8 (its default filter differs between versions)
    "numpy==2.4.6",
    "scipy==1.17.1",  # scipy.fftpack.dct, which later versions may drop
    "PyWavelets==1.9.0",  # imported beside the hashes, for the wavelet hash
    "matplotlib==3.11.2",  # imported for plots
    "contourpy==1.3.3",
    "cycler==0.12.1",
    "fonttools==4.68.0",
    "kiwisolver==1.5.1",
    "pyparsing==3.3.3",
    "python-dateutil==2.9.0.post0",  # matplotlib's
    "six==1.17.0",
    "packaging==26.3",
    "tqdm==4.70.1",
)

# Its packages import the CNN when they are loaded; hashes need only `methods.hashing`, so the packages above it are
# registered without running them, and scikit-learn's one function that is imported is never called.
_PROGRAM = """
import importlib.util, json, pathlib, sys, time, types
home = pathlib.Path(importlib.util.find_spec("imagededup").origin).parent
for name in ("imagededup.methods", "imagededup.utils"):
    module = types.ModuleType(name)
    module.__path__ = [str(home / name.split(".")[1])]
    sys.modules[name] = module
for name in ("sklearn", "sklearn.metrics", "sklearn.metrics.pairwise"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["sklearn.metrics.pairwise"].cosine_similarity = None
from imagededup.methods.hashing import DHash, PHash
files, result = json.load(sys.stdin), {}
for method in (PHash, DHash):
    encoder, began = method(verbose=False), time.perf_counter()
    hashes = [encoder.encode_image(image_file=file) for file in files]
    result[method.__name__] = {"hashes": hashes, "seconds": time.perf_counter() - began}
print(json.dumps(result))
"""


def interpreter() -> Path:
    """The Python of an environment with these pins, made with pip when there is none.

    Raises:
        RuntimeError: pip could not install it.
    """
    return own_venv("imagededup", PINS, "--no-deps") / "python"


def measure(files: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """By method, the 16 hex digits of each file and the seconds for all, decoding included.

    Raises:
        RuntimeError: it failed.
    """
    told = json.dumps([str(file) for file in files])
    done = subprocess.run([str(interpreter()), "-c", _PROGRAM], input=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"imagededup failed: {done.stderr[-2000:].strip()}")
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    print(json.dumps(measure(parser.parse_args().files)))


if __name__ == "__main__":
    main()
