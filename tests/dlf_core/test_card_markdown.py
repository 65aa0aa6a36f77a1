"""What others wrote stays text in the card, as a Markdown parser sees it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hub.card import Card, checked
from markdown_it import MarkdownIt
from markdown_it.token import Token

from dlf_core.card import Asked, Provenance, card_markdown
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

WORD = "PLAINWORD"
HOSTILE = [
    "a | b |",
    "[click](https://evil.example/)",
    "![](https://evil.example/track.png)",
    "<script>alert(1)</script>",
    "<!-- x",
    "two\n\n# lines\n- more",
    "a\r\n---\r\nb\u2028c",
    "# x",
    "- x",
    "+ x",
    "* x",
    "1. x",
    "2) x",
    "---",
    "===",
    "~~~",
    "```",
    "> x",
    "    four blanks",
    "**bold** _it_ `code` ~~x~~",
    "`",
    "\\",
    "\\| x",
    "&lt;b&gt; &copy; &#124;",
    "[x]: https://evil.example/",
    "größe ⚠ 无人机",
]
PLACES = ["name", "description", "target", "query", "class", "bucket", "source", "license", "backend", "model"]


def card(**words: str) -> str:
    """A card with a word in each place."""
    told = {place: place for place in PLACES} | words
    box = LabeledBox(told["class"], 0.1, 0.1, 0.5, 0.5, "b1")
    image = LabeledImage("a", "a.jpg", 64, 48, "train", boxes=[box], license=told["license"], author="Ann")
    asked = Asked("verify", told["backend"], told["model"], 2, {"YES": 2}, told.get("prompt", "Is it?"))
    made = Provenance(
        told["target"],
        {told["query"]: told["class"]},
        [asked],
        {told["source"]: 1},
        (dt.date(2026, 1, 1), dt.date(2026, 1, 1)),
        buckets={told["bucket"]: {"candidates": 1, "images": 1, "filter_yes": 1, "boxes": 1}},
    )
    return card_markdown(Dataset.of(told["name"], [told["class"]], [image], told["description"]), made)


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(Card.of(text).text)


def shape(text: str) -> list[Any]:
    """Blocks, and what lies within them but text."""
    texts = {"text", "text_special", "softbreak"}
    return [(one.type, [child.type for child in one.children or [] if child.type not in texts]) for one in parsed(text)]


def seen(text: str) -> list[str]:
    """What a reader sees of each block, but the fingerprint."""
    blocks = ["".join(child.content for child in one.children or []) for one in parsed(text)]
    return [block for block in blocks if block and not block.startswith("Fingerprint")]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", PLACES)
def test_what_others_wrote_stays_text(place: str, text: str) -> None:
    plain, odd = card(**{place: WORD}), card(**{place: text})
    assert shape(odd) == shape(plain)
    shown = " ".join(text.split())
    assert seen(odd) == [block.replace(WORD, shown) for block in seen(plain)]
    assert checked(odd) == ([], [])


PROMPTS = [
    "Is it one?",
    "Look.\n\nIs it one?\n\n\nSay YES or NO.",
    "# Task\n- first\n- second\n1. third",
    "Look at it\n---\nAnswer\n===\nYES",
    "~~~\ncode\n~~~\nand | a | b |\n|---|---|",
    "  indented\n        far in\n\ttab",
    '{"answer": "<YES|NO>"} [x](y)',
    "> quoted\n\n## Licences of the images",
    "ends with a break\n",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_is_quoted_line_by_line(prompt: str) -> None:
    tokens = parsed(card(prompt=prompt))
    kinds = [token.type for token in tokens]
    start, end = kinds.index("blockquote_open"), kinds.index("blockquote_close")
    assert set(kinds[start + 1 : end]) == {"paragraph_open", "inline", "paragraph_close"}
    paragraphs = [token.children or [] for token in tokens[start + 1 : end] if token.type == "inline"]
    shown = ["".join(child.content or "\n" for child in children) for children in paragraphs]
    lines = [" ".join(line.split()) for line in prompt.splitlines()]
    assert "\n".join(shown).split("\n") == [line for line in lines if line]
    assert tokens[start - 2].content == "Prompt of verify:"
    assert tokens[end + 1].type == "heading_open"


def test_a_prompt_that_two_models_were_asked_stands_there_once() -> None:
    asked = Asked("filter", "qwen", "m", 1, {"YES": 1}, "Is it one?")
    image = LabeledImage("a", "a.jpg", 64, 48, "train")
    models = [
        asked,
        replace(asked, model="n"),
        replace(asked, stage="verify"),
        replace(asked, backend="x", prompt=None),
    ]
    text = card_markdown(Dataset.of("d", ["x"], [image]), Provenance("x", {"x": "x"}, models))
    assert text.count("> Is it one?") == 2
    assert [text.count(f"Prompt of {stage}:") for stage in ("filter", "verify")] == [1, 1]
