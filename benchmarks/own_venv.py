"""Virtual environments for the programs of others, made with pip when there is none with these very pins."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path


def own_venv(name: str, pins: Sequence[str], *options: str) -> Path:
    """The `bin` folder of an environment that holds some packages and nothing else.

    Args:
        name: what it is for.
        pins: requirements with their versions.
        options: further ones for pip.

    Raises:
        RuntimeError: pip could not install them.
    """
    key = hashlib.sha256("\n".join((platform.python_version(), *pins)).encode()).hexdigest()[:12]
    home = Path(tempfile.gettempdir()) / f"dlf-{name}-{key}"
    # Written last: an environment without it was not finished.
    finished = home / "finished"
    if not finished.exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*install, *options, *pins], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"pip could not install {name} into {home}: {done.stderr[-2000:].strip()}")
        finished.touch()
    return home / "bin"
