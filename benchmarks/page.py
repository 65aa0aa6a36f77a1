"""Run the benchmarks of the backends and write their tables and their plot into docs/performance.md.

python -m benchmarks.page            run all (10 minutes), then write
python -m benchmarks.page --no-run   write from the figures in docs/figures/
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import page_section

PLOT = page_section.DOCS / "pictures" / "saturation.svg"
PROGRAMS = ("saturation", "client_cpu", "stage_memory", "rerun")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-run", action="store_true")
    if not parser.parse_args().no_run:
        page_section.measure(PROGRAMS)
    figures = page_section.figures_of(PROGRAMS)
    _plot(figures["saturation"]["rows"])
    page_section.put("page", _section(figures))


def _section(figures: dict[str, Any]) -> str:
    rows = figures["saturation"]["rows"]
    parts = [
        "Answers a second, 640 × 480 JPEGs, `python -m benchmarks.saturation`. Filter asks one question an image,",
        "label three (Falcon). The bare loop is aiohttp sending the same bytes and doing nothing else.\n",
        "| server | in flight | ideal | bare aiohttp | httpx, 1 client | httpx, 8 clients | **filter** | **label** "
        "| filter ÷ bare | the original's way | filter ÷ original |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [f"{row['latency_ms']} ms", row["in_flight"], f"{row['ideal']:.0f}"]
        cells += [f"{row[name]:.0f}" for name in ("aiohttp", "httpx", "httpx-split", "filter", "label")]
        cells += [f"{row['filter_of_aiohttp']:.2f}", f"{row['original']:.1f}", f"{row['filter_of_original']:.0f} ×"]
        parts.append("| " + " | ".join(map(str, cells)) + " |")
    parts += ["", "![Answers a second by requests in flight](pictures/saturation.svg)", ""]
    parts += ["CPU of the client, `python -m benchmarks.client_cpu`:", "", "| | ms of CPU an image |", "|---|---|"]
    parts += [f"| {row['what']} | {row['cpu_ms']:.2f} |" for row in figures["client_cpu"]["rows"]]
    parts += ["", "Peak memory of the process that filters, `python -m benchmarks.stage_memory`:", ""]
    parts += ["| images | peak MB | images/s |", "|---|---|---|"]
    parts += [
        f"| {row['images']:,} | {row['peak_mb']:.0f} | {row['images_per_second']:.0f} |"
        for row in figures["stage_memory"]["rows"]
    ]
    ratio = figures["stage_memory"]["last_to_the_one_before"]
    parts += ["", f"The last to the one before: {ratio:.2f}.", ""]
    first, again = figures["rerun"]["rows"]
    parts += [
        f"`dlf filter` of {figures['rerun']['images']:,} images: {first['seconds']:.1f} s and {first['requests']:,} "
        f"requests; the same command again: {again['seconds']:.1f} s and {again['requests']} requests, process start "
        "included (`python -m benchmarks.rerun`).",
        "",
    ]
    return "\n".join(parts)


def _plot(rows: list[dict[str, Any]]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    # Equal figures give an equal file.
    mpl.rcParams["svg.hashsalt"] = "saturation"
    import matplotlib.pyplot as plt

    latencies = sorted({row["latency_ms"] for row in rows})
    figure, axes = plt.subplots(1, len(latencies), figsize=(9, 3.4), layout="constrained")
    styles = {
        "ideal": ("ideal", "#999999", ":"),
        "aiohttp": ("bare aiohttp", "#444444", "--"),
        "httpx": ("httpx, 1 client", "#c44e52", "-."),
        "filter": ("filter", "#0b6e4f", "-"),
        "label": ("label", "#1f77b4", "-"),
        "original": ("the original's way", "#b8860b", "-"),
    }
    for axis, latency in zip(axes, latencies, strict=True):
        found = [row for row in rows if row["latency_ms"] == latency]
        for name, (label, colour, line) in styles.items():
            at, value = [row["in_flight"] for row in found], [row[name] for row in found]
            axis.plot(at, value, line, color=colour, label=label, marker="o", markersize=3)
        axis.set_title(f"a server that takes {latency} ms", fontsize=10)
        axis.set_xlabel("requests in flight")
        axis.set_ylabel("answers a second")
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    main()
