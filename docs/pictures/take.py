"""Take the pictures of README and docs from the real programs: `make pictures`.

Runs the sample project in a temporary workspace, opens the pages of the Dagster UI and of the review page on it in
headless Chromium (Debian's, or what DLF_CHROMIUM names), and writes WebP files beside this script. Run it when a page
has changed.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import review_page
from PIL import Image

from harness.chromium import executable  # review_page leads there

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGES = {
    "dagster-lineage": "/assets/dataset?view=lineage&lineageScope=upstream&lineageDepth=5",
    "dagster-verify": "/assets/verified_boxes?view=partitions&partition=sample__positive.people",
}
PLOTS = {"card-box-sizes": "dataset/plots/box_sizes.png", "comparison-counts": "comparison/counts.png"}
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1500,900"),
]


def main() -> None:
    """Take them all."""
    try:
        executable()
    except FileNotFoundError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(ROOT / "project_configs", home / "project_configs")
        (home / "dagster_home").mkdir()
        shutil.copyfile(ROOT / "dagster_home" / "dagster.yaml", home / "dagster_home" / "dagster.yaml")
        env = os.environ | {
            "DLF_HOME": folder,
            "DAGSTER_HOME": f"{folder}/dagster_home",
            "DLF_DATA_ROOT": f"{folder}/data",
        }
        dlf = [sys.executable, "-m", "dlf_assets.cli.main"]
        subprocess.run([*dlf, "pipeline", "--project", "sample"], cwd=folder, env=env, check=True)
        shutil.copyfile(home / "data" / "sample" / "report" / "boxes.webp", HERE / "boxes.webp")
        truth = ROOT / "project_configs" / "sample" / "ground_truth.coco.json"
        subprocess.run(
            [*dlf, "compare", "--project", "sample", "--reference", str(truth)], cwd=folder, env=env, check=True
        )
        for name, plot in PLOTS.items():
            save(home / "data" / "sample" / plot, name)
        review_page.take(env, home, save)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(ROOT / "workspace.yaml")]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen(command, cwd=folder, env=env, start_new_session=True, **quiet)
        try:
            wait_for(f"http://127.0.0.1:{port}/server_info")
            for name, page in PAGES.items():
                shoot(f"http://127.0.0.1:{port}{page}", home / f"{name}.png")
                save(home / f"{name}.png", name)
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(20)


def save(file: Path, name: str) -> None:
    """Write a picture beside this script, as WebP."""
    with Image.open(file) as taken:
        buffer = io.BytesIO()
        taken.convert("RGB").save(buffer, "WEBP", quality=80)
    (HERE / f"{name}.webp").write_bytes(buffer.getvalue())
    print(f"{name}.webp")


def shoot(url: str, file: Path) -> None:
    """A screenshot of a page that has had time to fetch its data."""
    with tempfile.TemporaryDirectory() as profile:
        words = [f"--user-data-dir={profile}", f"--screenshot={file}", "--virtual-time-budget=25000", url]
        subprocess.run([executable(), *FLAGS, *words], check=True, capture_output=True, timeout=120)


def wait_for(url: str) -> None:
    """Wait until the server answers."""
    for _ in range(240):
        try:
            if httpx.get(url).is_success:
                time.sleep(5)  # the daemon reports its first heartbeat, or the page shows a warning
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    sys.exit(f"{url} does not answer")


if __name__ == "__main__":
    main()
