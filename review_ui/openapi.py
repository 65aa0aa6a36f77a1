"""What the server's routes take and answer, as OpenAPI: `python -m review_ui.openapi` writes web/openapi.json.

The page's types are made of that file (`npm run types` in web/).
"""

from __future__ import annotations

import json
from pathlib import Path

from dlf_resources.projects import Projects
from review_ui.app import Settings, create_app
from review_ui.auth import Session

FILE = Path(__file__).parent / "web" / "openapi.json"


def described() -> str:
    """The document, as it stands in the file."""
    app = create_app(Settings(Projects(Path()), Session(0), frozenset()))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(described(), encoding="utf-8")
