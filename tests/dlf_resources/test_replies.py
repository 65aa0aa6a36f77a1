"""Answers of servers as they may be shown: short, one line, without picture, key or traceback."""

from __future__ import annotations

import base64
import json
import time

import pytest
from model_servers.asking import KEY, assert_fit, photo

from dlf_core.errors import BackendError
from dlf_resources.servers.replies import LONGEST, Reply, cut, named

PICTURE = base64.b64encode(photo()).decode()


def reply(content: bytes, media_type: str = "application/json") -> Reply:
    return Reply(content, media_type)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"error": "Falcon is not loaded"}', "Falcon is not loaded"),
        ('{"detail": "Invalid API key"}', "Invalid API key"),
        ('{"message": "too long"}', "too long"),
        ('{"error": {"message": "no such model", "code": 404}}', "no such model"),
        ('{"error": null, "detail": "this one"}', "this one"),
        (' {"error": "after a space"}', "after a space"),
        ('{"error": {"code": 7}}', '{"error": {"code": 7}}'),
        ('{"error": "half', '{"error": "half'),
        ("[1, 2]", "[1, 2]"),
        ("Internal Server Error", "Internal Server Error"),
        ("", ""),
    ],
)
def test_an_error_is_reduced_to_its_message(body: str, shown: str) -> None:
    assert cut(body) == cut(body.encode()) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"cannot load data:image/jpeg;base64,{PICTURE} as an image",
        json.dumps({"detail": [{"msg": "bad", "input": {"url": f"data:image/png;base64,{PICTURE}"}}]}),
        f'{{"error": "half of data:image/jpeg;base64,{PICTURE}',
        f"DATA:IMAGE/JPEG;charset=x;BASE64,{PICTURE}",
        f"<p>{PICTURE}</p>",
        "\n".join(PICTURE[start : start + 76] for start in range(0, len(PICTURE), 76)),
        base64.urlsafe_b64encode(photo()).decode(),
    ],
    ids=["data URL", "in a list", "half a JSON", "upper case", "plain", "in lines", "URL-safe"],
)
def test_pictures_are_left_out(text: str) -> None:
    assert_fit([cut(text), cut(text.encode())], longest=LONGEST)


@pytest.mark.parametrize(
    "text",
    [
        f"wrong key {KEY}!",
        json.dumps({"error": f"the key '{KEY}' is not known"}),
        f"Authorization: Bearer {KEY}",
    ],
)
def test_the_key_is_left_out(text: str) -> None:
    assert "[key]" in cut(text, KEY)
    assert_fit([cut(text, KEY)])


@pytest.mark.parametrize(
    "key", ["sk-proj-abcDEF123456", "hf_abcdefghijkl", "rpa_ABCDEFGH12345", "Bearer abc.def-123456"]
)
def test_what_looks_like_a_key_is_left_out_whosever_it_is(key: str) -> None:
    assert cut(f"got {key} here") == "got [key] here"


def test_a_traceback_is_left_out_and_what_stands_before_it_stays() -> None:
    text = 'It failed.\nTraceback (most recent call last):\n  File "/srv/app.py", line 1\nValueError: no'
    assert cut(text) == "It failed. [traceback]"
    assert cut(json.dumps({"detail": text})) == "It failed. [traceback]"


def test_one_line_of_at_most_300_characters_that_can_be_shown() -> None:
    assert cut("a\r\n\tb\x00\x1b[31mc\u2028d\x85e") == "a b [31mc d e"
    assert cut(b"\xff\xfe broken \xc3") == "\ufffd\ufffd broken \ufffd"
    words = "word " * 200
    assert len(cut(words)) == LONGEST
    assert cut(words).endswith("…")
    assert cut("x " * 150) == ("x " * 150).strip()


def test_a_body_of_megabytes_is_cut_quickly() -> None:
    began = time.perf_counter()
    for text in ("data:" * 400_000, "A" * 2_000_000, "sk-" * 600_000, "Traceback (most" * 100_000, "{" * 2_000_000):
        assert len(cut(text)) <= LONGEST
    assert time.perf_counter() - began < 3


def test_half_a_surrogate_is_left_out() -> None:
    assert_fit([cut(json.loads('"YES \\ud83d it is"'))])


def test_a_json_object_is_read_whatever_its_type_says() -> None:
    assert reply(b' {"a": 1}', "text/plain").json("it") == {"a": 1}


@pytest.mark.parametrize(
    ("content", "media_type", "said"),
    [
        (
            b"<html><body>Hi\n</body></html>",
            "text/html",
            "it answered no JSON but text/html: <html><body>Hi </body></html>",
        ),
        (b'{"choices": [{"mess', "application/json", 'it answered no JSON but application/json: {"choices": [{"mess'),
        (b"", "", "it answered no JSON but something without a type: nothing"),
        (b"[1]", "application/json", "it answered JSON that is no object: [1]"),
        (b"null", "application/json", "it answered JSON that is no object: null"),
        (b"\xff\xfe\x00", "application/json", "it answered no JSON but application/json: \ufffd\ufffd"),
    ],
)
def test_what_is_no_json_object_is_an_error_that_shows_it(content: bytes, media_type: str, said: str) -> None:
    with pytest.raises(BackendError) as caught:
        reply(content, media_type).json("it")
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
    ids=["lists", "objects", "digits"],
)
def test_json_that_no_reader_can_hold_is_an_error_like_any_other(content: bytes) -> None:
    with pytest.raises(BackendError) as caught:
        reply(content).json("it")
    assert_fit([caught.value])


def test_an_error_body_nested_without_end_is_cut_like_any_other() -> None:
    assert len(cut(b'{"a":' * 100_000)) <= LONGEST


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("mlx-community/Qwen2.5-VL-3B-Instruct-4bit", "mlx-community/Qwen2.5-VL-3B-Instruct-4bit"),
        ("/home/me/" + "models/" * 9 + "tiny", "/home/me/" + "models/" * 9 + "tiny"),
        ("a\nb\x1b[31m", "a b [31m"),
        ("x" * 50 + "y" * 50, "x" * 39 + "…" + "y" * 40),
        (f"served by {KEY}", "served by [key]"),
    ],
)
def test_names_are_shown_whole_where_they_are_no_stories(name: str, shown: str) -> None:
    assert named(name, KEY) == shown
    assert len(shown) <= 80
