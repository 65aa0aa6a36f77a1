"""`dlf serve-vlm`: a vision-language model on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from dlf_core.errors import BackendUnavailable, Stopped


def register(app: typer.Typer) -> None:
    """Add the command."""
    examples = "dlf serve-vlm  ·  dlf serve-vlm --model mlx-community/Qwen2.5-VL-7B-Instruct-4bit --port 8300"
    app.command(name="serve-vlm", epilog=f"Examples: {examples}")(serve_vlm)


def serve_vlm(
    model: Annotated[
        str | None, typer.Option("--model", help="A folder or a Hugging Face id; default: QWEN_MODEL_PATH.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port on loopback; default: that of QWEN_URL.")
    ] = None,
    max_num_seqs: Annotated[
        int | None,
        typer.Option("--max-num-seqs", min=1, help="Answers at once; default: by memory, one for 2 GB."),
    ] = None,
) -> None:
    """Start mlx_vlm.server for the backend 'qwen' and keep it until Ctrl-C.

    It listens on loopback only, gives the log-probabilities that the factory scores by, and works on as many answers at
    once as the memory bears. The first start downloads the model. Needs: pip install 'data-label-factory\\[mlx]'.
    """
    from rich.console import Console

    from dlf_resources.servers.addresses import QWEN_MODEL, qwen_address, qwen_model
    from dlf_resources.servers.managed import ManagedServer, ServerSettings

    address = qwen_address()
    if port is None and not address.local:
        raise BackendUnavailable(f"QWEN_URL names {address.url}, which is not this machine; give --port, or unset it.")
    chosen = model or qwen_model() or QWEN_MODEL
    chosen = str(Path(chosen).expanduser()) if chosen.startswith("~") else chosen
    more = {} if max_num_seqs is None else {"max_num_seqs": max_num_seqs}
    server = ManagedServer(ServerSettings(chosen, port or address.port, key=address.key, **more))
    err = Console(stderr=True, highlight=False)
    try:
        with err.status(f"starting mlx_vlm.server with {chosen}") as line:
            last = ""

            def told(text: str) -> None:
                nonlocal last
                line.update(text)
                if not err.is_terminal and text.split(" (")[0] != last:
                    last = text.split(" (")[0]
                    err.print(text, markup=False, soft_wrap=True)

            server.start(told)
        url = server.settings.url
        typer.echo(f"ready at {url}, {server.settings.max_num_seqs} answers at once; log: {server.log}")
        typer.echo("In another terminal:")
        typer.echo(f"  export QWEN_URL={url} QWEN_MODEL_PATH={shlex.quote(chosen)}")
        typer.echo("  dlf status")
        typer.echo("Ctrl-C stops it.")
        status = server.wait()
        raise BackendUnavailable(f"mlx_vlm.server ended with {status}: {server.last_words()} (its log: {server.log})")
    except KeyboardInterrupt:
        raise Stopped("mlx_vlm.server is stopped.") from None
    finally:
        server.stop()
