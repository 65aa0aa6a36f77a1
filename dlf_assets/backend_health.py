"""The model backends as assets of their own: observed, they tell whether they are there, with which model, how fast.

The stages do not depend on them: a bucket that needs nothing asked needs no backend.
"""

import warnings
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from dlf_resources.servers.health import Health

# Dagster calls observing several assets in one function beta; the version is pinned.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*multi_observable_source_asset")

JOB = "observe_backends"
CHECK = "answers"
_TOLD = {
    "embedded": "COCO-SSD and NanoDet in this process, on the CPU.",
    "qwen": "A vision-language model behind an OpenAI-compatible server (QWEN_URL). `dlf serve-vlm` starts one.",
    "gemma": "mac_tensor's vision model (GEMMA_URL).",
    "falcon": "Falcon Perception behind mac_tensor or its own server (FALCON_URL, else GEMMA_URL).",
    "falcon-mlx": "Falcon Perception in this process, through mlx-vlm.",
}
BACKENDS = tuple(_TOLD)


def asset_key(backend: str) -> dg.AssetKey:
    """The asset of a backend."""
    return dg.AssetKey(["backends", backend.replace("-", "_")])


@dg.multi_observable_source_asset(
    specs=[
        dg.AssetSpec(asset_key(name), group_name="backends", description=_TOLD[name], kinds={"model"}, skippable=True)
        for name in BACKENDS
    ],
    check_specs=[
        dg.AssetCheckSpec(CHECK, asset=asset_key(name), description="The backend answered a probe picture.")
        for name in BACKENDS
    ],
    can_subset=True,
)
def backends(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def]  # a generator of Dagster's events
    """Ask each chosen backend about a small picture."""
    from dlf_resources.servers.health import look  # its HTTP client would slow the start of every process

    for name in BACKENDS:
        if asset_key(name) in context.selected_asset_keys:
            yield _observed(look(name))


def _observed(health: "Health") -> dg.ObserveResult:
    told: dict[str, Any] = {"reachable": health.ok, "said": health.said, "url": health.url, "model": health.model}
    told |= {"logprobs": health.logprobs, "latency_ms": health.latency_ms}
    key = asset_key(health.backend)
    return dg.ObserveResult(
        asset_key=key,
        metadata={name: value for name, value in told.items() if value is not None},
        data_version=dg.DataVersion(f"{health.model}" if health.ok else "down"),
        check_results=[
            dg.AssetCheckResult(
                passed=health.ok,
                check_name=CHECK,
                asset_key=key,
                description=health.said,
                severity=dg.AssetCheckSeverity.WARN,
            )
        ],
    )


job = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(*(asset_key(name) for name in BACKENDS)),
    description="Ask every backend about a probe picture: is it there, with which model, how fast?",
)
