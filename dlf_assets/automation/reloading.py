"""New and changed YAMLs without a restart: the code server is asked to load the definitions anew.

Jobs and schedules come from the YAMLs when the code is loaded. `dagster dev` and `dagster code-server start` can load
it again while runs go on (each run is a process of its own); servers that the webserver and the daemon start
themselves cannot, there *Reload definitions* does it.
"""

import dagster as dg
from dagster._core.remote_origin import CodeLocationOrigin, GrpcServerCodeLocationOrigin

LOADED: dict[str, str] = {}
"""`fingerprint` of the YAMLs that the definitions of this process were made from."""


def reload_where_possible(origin: CodeLocationOrigin | None, instance: dg.DagsterInstance) -> str:
    """Ask the server of a code location to load it anew; what came of it, for people."""
    if not isinstance(origin, GrpcServerCodeLocationOrigin):
        return "choose Reload definitions to see jobs and schedules of changed YAMLs"
    origin.create_client().reload_code(timeout=instance.code_server_reload_timeout)
    return "jobs and schedules were loaded anew"
