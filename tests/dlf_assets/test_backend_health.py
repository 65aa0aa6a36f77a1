"""The backends as observed assets: what the Dagster UI says of each."""

from __future__ import annotations

import dagster as dg
import pytest
from model_servers import asking
from model_servers.chat import Chat

from dlf_assets.backend_health import BACKENDS, JOB, asset_key
from dlf_assets.definitions import defs
from dlf_resources.servers import health


def test_every_backend_is_an_asset() -> None:
    assert set(BACKENDS) == set(health.BACKENDS)
    assert {asset_key(name) for name in BACKENDS} <= defs.resolve_asset_graph().get_all_asset_keys()


def test_a_living_and_a_dead_backend_are_observed_with_their_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    asking.prepare(monkeypatch)
    monkeypatch.setenv("FALCON_URL", "http://127.0.0.1:9")
    with Chat() as server, dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("QWEN_URL", server.url)
        monkeypatch.setenv("QWEN_MODEL_PATH", next(iter(server.loaded)))
        result = defs.resolve_job_def(JOB).execute_in_process(
            instance=instance,
            asset_selection=[asset_key("qwen"), asset_key("falcon")],
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    assert result.success  # a backend that is down is news, not an error
    told = {
        event.event_specific_data.asset_observation.asset_key: event.event_specific_data.asset_observation.metadata
        for event in result.all_events
        if event.event_type_value == "ASSET_OBSERVATION"
    }
    assert set(told) == {asset_key("qwen"), asset_key("falcon")}
    assert told[asset_key("qwen")]["reachable"].value is True
    assert told[asset_key("qwen")]["logprobs"].value is True
    assert told[asset_key("qwen")]["latency_ms"].value > 0
    checks = {check.asset_key: check for check in result.get_asset_check_evaluations()}
    assert checks[asset_key("qwen")].passed
    assert not checks[asset_key("falcon")].passed
    assert "cannot be reached; start one with" in (checks[asset_key("falcon")].description or "")
