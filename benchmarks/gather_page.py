"""Write the tables of gather into docs/performance.md, from the figures in docs/figures/.

python -m benchmarks.gather_page [--run]     --run: measure downloads first (10 minutes, needs nginx)

Near-duplicates need photos: `python -m benchmarks.near_duplicates FOLDER --out docs/figures/near_duplicates.json`.
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import page_section

PROGRAMS = ("gather_speed", "download_clients", "hash_search")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true")
    if parser.parse_args().run:
        page_section.measure(PROGRAMS)
    page_section.put("gather_page", _section(page_section.figures_of((*PROGRAMS, "near_duplicates"))))


def _section(figures: dict[str, Any]) -> str:
    parts = [*_speed(figures["gather_speed"]), *_clients(figures["download_clients"])]
    parts += [*_pictures(figures["near_duplicates"]), *_hashes(figures["hash_search"]), ""]
    return "\n".join(parts)


def _speed(figures: dict[str, Any]) -> list[str]:
    rows = figures["rows"]
    rates = {row["contender"]: row["images_per_second"] for row in rows}
    parts = [
        f"{figures['images']:,} JPEGs of 640 × 480 from nginx on loopback, medians, "
        "`python -m benchmarks.gather_speed`:"
    ]
    parts += [
        "",
        "| | images/s | CPU ms an image, all processes | peak MB | gather is × as fast |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        cpu = row["cpu_seconds"] / row["images"] * 1000
        faster = rates["gather"] / row["images_per_second"]
        parts.append(
            f"| {row['contender']} | {row['images_per_second']:,.0f} | {cpu:.2f} | {row['peak_mb']:.0f} "
            f"| {faster:.2f} |"
        )
    return [*parts, ""]


def _clients(figures: dict[str, Any]) -> list[str]:
    parts = [
        f"One process, {figures['in_flight']} requests in flight, SHA-256, `python -m benchmarks.download_clients`:"
    ]
    parts += ["", "| | images/s | CPU ms an image |", "|---|---|---|"]
    parts += [
        f"| {row['client']} | {row['images_per_second']:,.0f} | {row['cpu_ms_an_image']:.2f} |"
        for row in figures["rows"]
    ]
    return [*parts, ""]


def _pictures(figures: dict[str, Any]) -> list[str]:
    rows = figures["rows"]
    parts = [
        f"Near-duplicates: {figures['photos']} photos, {figures['files']:,} files made of them, "
        "`python -m benchmarks.near_duplicates FOLDER`. Recall over pairs; imagededup at its threshold of 10.",
        "",
        "| | " + " | ".join(row["contender"] for row in rows) + " |",
        "|---" * (len(rows) + 1) + "|",
    ]
    for title, group in (
        ("original and copy: re-encoded, resized, brightness, watermark, crop ≤ 3 %", "slight"),
        ("original and copy: crop 5 %", "crop 5 %"),
        ("original and copy: mirrored", "mirrored"),
    ):
        values = [f"{row['original_and_copy'][group]['recall']:.4f}" for row in rows]
        parts.append(f"| {title} | " + " | ".join(values) + " |")
    for group in ("slight", "slight and crop 5 %"):
        values = [f"{row['copy_and_copy'][group]['recall']:.4f}" for row in rows]
        parts.append(f"| copy and copy: {group} | " + " | ".join(values) + " |")
    wrong = [row["different_photos"]["all"] for row in rows]
    parts.append(
        f"| taken for the same, of {wrong[0]['pairs']:,} pairs of different photos | "
        + " | ".join(f"{found['taken_for_the_same']} ({found['precision']:.5f})" for found in wrong)
        + " |"
    )
    harder = rows[0]["harder"]
    told = ", ".join(f"{kind} {recall:.2f}" for kind, recall in harder.items())
    return [*parts, "", f"Beyond what was asked (recall of original and copy): {told}.", ""]


def _hashes(figures: dict[str, Any]) -> list[str]:
    parts = [f"{figures['hashes']:,} hashes, {figures['batch']:,} queries, `python -m benchmarks.hash_search`:", ""]
    parts += ["| | radius | seconds | peak MB |", "|---|---|---|---|"]
    return parts + [
        f"| {row['contender']} | {row['radius']} | {row['search_seconds']:.2f} | {row['peak_mb']:.0f} |"
        for row in figures["rows"]
    ]


if __name__ == "__main__":
    main()
