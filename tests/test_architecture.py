"""The floors hold, imports stay light, files stay small, names say what they hold."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("dlf_core", "dlf_resources", "dlf_assets", "review_ui")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_a_package_imports_only_from_floors_below_it() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "3 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        (
            "dlf_assets.definitions",
            {"onnxruntime", "cv2", "torch", "scipy", "hotcoco", "pandas", "faiss", "ddgs", "yt_dlp", "av"},
        ),
        ("dlf_assets.cli.main", {"dagster", "pyarrow", "numpy", "PIL", "onnxruntime"}),
        ("dlf_core.project", {"dagster", "pyarrow", "numpy", "PIL"}),
    ],
)
def test_importing_a_module_loads_nothing_heavy(module: str, banned: set[str]) -> None:
    code = f"import sys, {module}; print(*sorted({banned!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_files_can_be_read_at_one_sitting() -> None:
    long = {path.relative_to(ROOT).as_posix(): n for path in SOURCES if (n := path.read_text().count("\n")) > 420}
    assert long == {}


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert [path for path in SOURCES if path.stem in drawers or path.parent.name in drawers] == []
