"""Boxes are decided by keyboard alone, and what was decided is there after a restart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.browser


def test_the_page_opens(serve: Callable, sit_down: Callable) -> None:
    server = serve("crowd")
    ada = sit_down(server)
    ada.open("/?project=crowd")
    ada.page.get_by_text("Start reviewing").wait_for()
    print(ada.page.inner_text("body"))
    assert ada.errors == []
