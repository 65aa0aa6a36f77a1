"""What a model's free-text answer says: YES, NO, UNSURE, or nothing that can be told (UNKNOWN).

Words are compared, never substrings ("NOT", "NOTHING" and "UNKNOWN" hold "NO"). The first sentence that
takes a side decides; thoughts between <think> tags are dropped; an answer that offers both is UNSURE. "None",
"N/A" and "nothing" take no side: they are what a model says when it has no answer as often as when it means no.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum


class Verdict(StrEnum):
    """What was said, or why nothing was."""

    YES = "YES"
    NO = "NO"
    UNSURE = "UNSURE"
    UNKNOWN = "UNKNOWN"
    ERROR = "ERROR"


_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"^.*</(think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_UNFINISHED = re.compile(r"<(think|thinking|reasoning)>.*$", re.DOTALL | re.IGNORECASE)

# A model that repeats the question before it answers ("YES or NO: yes").
_ECHO = re.compile(r"\byes\s*(?:/|or|,)\s*no(?:\s*(?:/|or|,(?:\s*or)?)\s*unsure)?\s*(?:[:?]|\.(?=\s*\S))")

# Where a model names its answer, what follows is the answer ("Final answer: no").
_ANSWER_MARK = re.compile(r"\b(?:final\s+)?(?:answer|verdict|decision|conclusion)\b\W{0,4}(?:is\b)?\W*", re.IGNORECASE)

_UNSURE = re.compile(
    r"\b(?:"
    r"unsure|uncertain|unclear|maybe|perhaps|possibly|ambiguous|undetermined|indeterminate|inconclusive"
    r"|not\s+(?:\S+\s+)?(?:sure|certain|clear|possible|confident)"
    r"|(?:can\s?not|can'?t|could\s?not|couldn'?t|unable\s+to|impossible\s+to|hard\s+to|difficult\s+to)"
    r"\s+(?:\w+\s+)?(?:tell|say|determine|decide|see|identify|answer|know|judge|confirm|verify|be\s+sure)"
    r"|(?:can\s?not|can'?t|could\s?not|couldn'?t)\s+be\s+(?:told|seen|said|determined|decided|identified|known|judged|verified)"
    r"|no\s+(?:way\s+(?:to|of)|idea|clue)"
    r"|(?:do\s+not|don'?t)\s+know"
    r"|yes\s*(?:/|or|and)\s*no|no\s*(?:/|or|and)\s*yes"
    r")\b"
)
_YES = re.compile(r"\b(?:yes|yeah|yep|yup|true|correct|affirmative|oui|ja)\b|^\W*y\W*$")
_NO = re.compile(r"\b(?:no|nope|nah|false|incorrect|negative|nein|non(?!-))\b|^\W*n\W*$")
# "no doubt" is no NO, "not yes" and "not correct" are no YES, "no, not …" stays NO.
_NOT_A_NO = re.compile(r"\b(?:no\s+(?:doubt|question|problem)|without\s+(?:a\s+)?doubt)\b")
_NOT_A_YES = re.compile(r"\bnot\s+(?:yes|true|correct)\b")


def parse_answer(text: str | None) -> Verdict:
    """The verdict in a model's answer.

    Returns:
        YES, NO or UNSURE, or UNKNOWN when the text takes no side (empty, "unknown", anything else).

    Example:
        >>> parse_answer("**Yes**, it shows a drone.").value, parse_answer("NOTHING here").value
        ('YES', 'UNKNOWN')
    """
    if not text:
        return Verdict.UNKNOWN
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    text = _THOUGHTS.sub(" ", text)
    text = _OPEN_THOUGHT.sub(" ", text)
    text = _UNFINISHED.sub(" ", text)
    text = re.sub(r"[*_`#\"“”]+", " ", text).casefold()
    text = _ECHO.sub(" ", text)
    text = re.sub(r"\bn\s*[./]\s*a\b\.?", " ", text)
    marks = list(_ANSWER_MARK.finditer(text))
    for mark in reversed(marks):
        if (verdict := _first_side(text[mark.end() :])) is not Verdict.UNKNOWN:
            return verdict
    return _first_side(text)


def _first_side(text: str) -> Verdict:
    for sentence in re.split(r"[.!?\n;]+", text):
        if (verdict := _side(sentence)) is not Verdict.UNKNOWN:
            return verdict
    return Verdict.UNKNOWN


def _side(sentence: str) -> Verdict:
    unsure = _UNSURE.search(sentence)
    plain = _NOT_A_YES.sub(" no ", _NOT_A_NO.sub(" ", sentence))
    yes, no = _YES.search(plain), _NO.search(plain)
    first = min((match.start() for match in (yes, no) if match), default=None)
    if unsure and (first is None or unsure.start() <= first):
        return Verdict.UNSURE
    if yes and no:
        return Verdict.YES if yes.start() < no.start() else Verdict.NO
    if yes:
        return Verdict.YES
    if no:
        return Verdict.NO
    return Verdict.UNKNOWN


def p_yes_from_logprobs(alternatives: Mapping[str, float]) -> float | None:
    """YES renormalised against NO over the first token's alternatives.

    Args:
        alternatives: token text → natural-log probability.

    Returns:
        A score in [0, 1]: P(yes) / (P(yes) + P(no)) over all tokens that are the word in any case;
        None when neither word is among the alternatives.
    """
    mass = {"yes": 0.0, "no": 0.0}
    for token, logprob in alternatives.items():
        word = token.strip(" \t\n*\"'.▁Ġ").casefold()
        if word in mass and not math.isnan(logprob):
            mass[word] += math.exp(min(logprob, 0.0))
    total = mass["yes"] + mass["no"]
    return mass["yes"] / total if total > 0 else None


def judged(verdict: Verdict, text: str, p_yes: float | None, enough: float | None) -> Verdict:
    """The verdict under a threshold.

    Args:
        verdict: what was stored, perhaps under another threshold.
        text: the model's answer.
        p_yes: the score it came with.
        enough: YES from this score on, NO below; None: the words decide. UNSURE, UNKNOWN and ERROR stay what they are.

    Example:
        >>> judged(Verdict.YES, "YES", 0.7, 0.9).value, judged(Verdict.NO, "YES", 0.7, None).value
        ('NO', 'YES')
    """
    if verdict not in (Verdict.YES, Verdict.NO) or p_yes is None:
        return verdict
    if enough is not None:
        return Verdict.YES if p_yes >= enough else Verdict.NO
    said = parse_answer(text)
    return said if said in (Verdict.YES, Verdict.NO) else verdict
