from __future__ import annotations

import math

import pytest

from dlf_core.answers import Verdict, judged, p_yes_from_logprobs, parse_answer

YES = [
    "YES",
    "yes",
    "Yes.",
    "YES!!",
    " \n yes \n",
    "**Yes**, it shows a drone.",
    "*YES*",
    "__Yes__",
    "`yes`",
    "### Yes\nThe crop shows a sign.",
    '"Yes"',
    "'yes'",
    "“Yes”",
    "(yes)",
    "[YES]",
    "- Yes",
    "1. Yes",
    "> yes",
    "ＹＥＳ",
    "Ｙｅｓ．",
    "Yes, no doubt about it.",
    "No doubt: yes.",
    "YES. No other objects are visible.",
    "Yes, it is not a toy.",
    "Yes — a red octagon",
    "Yes\nNo text is visible on it.",
    "Answer: yes",
    "**Answer:** Yes",
    "Final answer: YES",
    "The answer is yes.",
    "Verdict: YES - a quadcopter in flight",
    "Is it a drone? Yes.",
    "YES or NO: yes",
    "YES, NO or UNSURE: yes",
    "yes/no: YES",
    "There is no person, and no car. Final answer: yes",
    "First answer: no. On a closer look, final answer: yes",
    "The image shows a drone. Yes.",
    "Yeah, that is one.",
    "Yep",
    "Y",
    "True",
    "Correct.",
    '{"answer": "yes"}',
    '{"answer": "YES", "reason": "no doubt it is a drone"}',
    '```json\n{"answer": "yes"}\n```',
    "{'answer': 'Yes'}",
    '{"reason": "There are no people.", "answer": "yes"}',
    '{"answer": true}',
    "<answer>yes</answer>",
    "\\boxed{Yes}",
    "<think>No, wait. Is it one? No.</think>Yes",
    "<think>\nno\n</think>\n\nYES",
    "no, hmm, it may be no after all</think>yes",
    "<THINKING>no</THINKING> yes",
    "<reasoning>no</reasoning> yes",
    "<think></think>yes",
]
NO = [
    "NO",
    "no",
    "NO.",
    "No!",
    "**No**, it is a kite.",
    "_no_",
    '"No"',
    "ＮＯ",
    "Ｎｏ．",
    "No, this is not a drone.",
    "No, yes is not what I mean",
    "NO. It is certain, yes, that this is a bird.",
    "NO\nUnsure what else it may be.",
    "No, I am not sure what it is, but it is no drone.",
    "no — a garden hose",
    "There is no drone in this image.",
    "This image has no stop sign.",
    "Answer: no",
    "answer = NO",
    "The final answer is: No",
    "Verdict: **NO**",
    "My conclusion is no.",
    "Yes or no? No.",
    "YES/NO: NO",
    "Yes, No, or Unsure: No",
    "It looks like one at first, yes. Final answer: no",
    "Not yes.",
    "That is not correct.",
    "Nope",
    "Nah.",
    "N",
    "False",
    "Incorrect.",
    '{"answer": "no"}',
    '{"answer": "NO", "confidence": 0.98}',
    '{"is_drone": false}',
    '{"reason": "yes, it is round, but a reel", "answer": "no"}',
    "<answer>NO</answer>",
    "<think>Yes? It may be. Yes.</think>No",
    "<think>yes</think><think>yes</think> no",
    "yes, I think yes</think>no",
]
UNSURE = [
    "UNSURE",
    "Unsure.",
    "**UNSURE** blurry",
    "ＵＮＳＵＲＥ",
    "Not sure",
    "I'm not sure.",
    "I am not really sure.",
    "I'm not 100% sure.",
    "not certain",
    "It is unclear.",
    "The image is not clear.",
    "I cannot tell",
    "I can't tell from this crop.",
    "I can’t tell.",
    "I can not tell",
    "It's hard to tell.",
    "It cannot be determined.",
    "It is impossible to say",
    "unable to determine",
    "There is no way to tell.",
    "I have no idea.",
    "I don't know",
    "I do not know.",
    "Maybe",
    "Perhaps, it is small.",
    "Possibly a drone.",
    "yes/no",
    "YES / NO",
    "Yes and no.",
    "yes or no",
    "no/yes",
    "Uncertain; it could be a bird, yes.",
    "Inconclusive",
    "Answer: unsure",
    "Final answer: UNSURE",
    '{"answer": "unsure"}',
    "Answer: I cannot answer",
    "<think>yes, clearly yes</think>unsure",
]
UNKNOWN = [
    None,
    "",
    " ",
    "\n",
    "...",
    "**",
    "None",
    "None.",
    "N/A",
    "n/a",
    "N.A.",
    "nothing",
    "NOTHING here",
    "Nothing of the kind can be seen.",
    "NOT",
    "Not a drone",
    "UNKNOWN",
    "Unknown.",
    "The object is unknown.",
    "NOTE",
    "Nobody",
    "November",
    "know",
    "yesterday",
    "eyes",
    "Yesenia",
    "A quadcopter above a field.",
    "A non-descript grey object.",
    "0.93",
    "{}",
    '{"answer": ""}',
    '{"answer": null}',
    '{"answer": "unknown"}',
    "I'm sorry, but I can't help with that.",
    "<think>yes",
    "<think>It shows a drone. Yes, so the answer is yes",
    "<think>yes</think>",
    "<think>yes</think><think>and no",
    "<|endoftext|>",
    "Error 500",
]


@pytest.mark.parametrize("text", YES)
def test_yes(text):
    assert parse_answer(text) is Verdict.YES


@pytest.mark.parametrize("text", NO)
def test_no(text):
    assert parse_answer(text) is Verdict.NO


@pytest.mark.parametrize("text", UNSURE)
def test_unsure(text):
    assert parse_answer(text) is Verdict.UNSURE


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_answer_that_takes_no_side_is_unknown(text):
    assert parse_answer(text) is Verdict.UNKNOWN


@pytest.mark.parametrize("spell", [str.upper, str.lower, str.title, str.swapcase])
@pytest.mark.parametrize(("word", "verdict"), [("yes", "YES"), ("no", "NO"), ("unsure", "UNSURE"), ("none", "UNKNOWN")])
def test_case_does_not_matter(spell, word, verdict):
    assert parse_answer(spell(word)) == verdict


def test_a_thought_that_never_ends_is_no_answer_however_long():
    assert parse_answer("<think>" * 20 + "yes " * 20_000) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("probabilities", "p_yes"),
    [
        ({"YES": 0.6, "NO": 0.2}, 0.75),
        ({"yes": 0.25, "no": 0.75}, 0.25),
        ({"YES": 0.3, " yes": 0.2, "▁Yes": 0.1, "No": 0.2}, 0.75),
        ({"ĠYes": 0.3, "Ġno": 0.1, "The": 0.6}, 0.75),
        ({"**Yes": 0.3, '"NO"': 0.3}, 0.5),
        ({"Yes": 0.9}, 1.0),
        ({"no": 1e-9, "The": 0.9}, 0.0),
        ({"Yes": 0.1, "Not": 0.5, "NOTHING": 0.2, "Unknown": 0.1, "no": 0.1}, 0.5),
    ],
)
def test_p_yes_is_yes_renormalised_against_no(probabilities, p_yes):
    logprobs = {token: math.log(p) for token, p in probabilities.items()}
    assert p_yes_from_logprobs(logprobs) == pytest.approx(p_yes, abs=1e-12)


@pytest.mark.parametrize("alternatives", [{}, {"The": -0.1, "A": -2.0}, {"Not": -0.1, "Yesterday": -0.2}])
def test_p_yes_is_none_where_neither_word_was_offered(alternatives):
    assert p_yes_from_logprobs(alternatives) is None


def test_p_yes_leaves_out_what_is_no_number_and_takes_minus_infinity_as_never():
    assert p_yes_from_logprobs({"yes": math.nan, "no": -1.0}) == 0.0
    assert p_yes_from_logprobs({"yes": -0.5, "no": -math.inf}) == 1.0
    assert p_yes_from_logprobs({"yes": -9999.0, "no": -0.01}) == 0.0


def test_p_yes_of_a_rounding_error_above_zero_stays_a_probability():
    assert p_yes_from_logprobs({"yes": 1e-7, "no": 0.0}) == 0.5


@pytest.mark.parametrize(
    ("verdict", "text", "p_yes", "enough", "becomes"),
    [
        ("YES", "YES", 0.7, 0.9, "NO"),
        ("NO", "NO", 0.4, 0.3, "YES"),
        ("YES", "YES", 0.9, 0.9, "YES"),
        ("NO", "YES", 0.7, None, "YES"),  # stored under a threshold that is gone
        ("YES", "a drone", 0.7, None, "YES"),
        ("UNSURE", "UNSURE", 0.7, 0.1, "UNSURE"),
        ("ERROR", "", 0.7, 0.1, "ERROR"),
        ("YES", "YES", None, 0.9, "YES"),  # nothing to compare
    ],
)
def test_a_threshold_decides_between_yes_and_no_by_the_score_and_without_one_the_words(
    verdict, text, p_yes, enough, becomes
):
    assert judged(Verdict(verdict), text, p_yes, enough) is Verdict(becomes)
