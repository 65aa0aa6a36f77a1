from __future__ import annotations

import pytest

from dlf_core import prompts
from dlf_core.answers import Verdict, parse_answer


def test_the_default_filter_asks_for_the_target_or_a_related_object_in_one_word():
    asked = prompts.fill(prompts.DEFAULT_FILTER, target_object="fiber optic drone")
    assert "fiber optic drone" in asked
    assert "related" in asked
    assert "one word: YES or NO" in asked
    assert "{" not in asked


def test_the_default_verify_asks_for_the_query_in_three_verdicts_and_five_to_ten_words():
    asked = prompts.fill(prompts.DEFAULT_VERIFY, target_object="drone", query="cable spool")
    assert "cable spool" in asked
    assert "YES, NO or UNSURE" in asked
    assert "5 to 10 words" in asked
    assert "{" not in asked


@pytest.mark.parametrize("stage", ["filter", "verify", "label_describe"])
def test_the_default_prompts_can_be_filled(stage):
    default = getattr(prompts, f"DEFAULT_{stage.upper()}")
    assert prompts.template_problem(stage, default) is None


def test_a_prompt_that_a_model_repeats_before_its_answer_does_not_decide_it():
    assert parse_answer("Answer with exactly one word: YES or NO. NO") is Verdict.NO


@pytest.mark.parametrize(
    ("stage", "template"),
    [
        ("filter", "no placeholder at all"),
        ("filter", "{target_object} {target_object}"),
        ("filter", 'as JSON: {{"answer": "{target_object}"}}'),
        ("verify", "{query} on {target_object}"),
        ("verify", "{query!r:>10}"),
    ],
)
def test_templates_that_can_be_filled_pass(stage, template):
    assert prompts.template_problem(stage, template) is None
    prompts.fill(template, target_object="t", query="q")


def test_doubled_braces_become_single_ones():
    assert prompts.fill('{{"{query}"}}', target_object="t", query="q") == '{"q"}'


@pytest.mark.parametrize(
    ("stage", "template", "says"),
    [
        ("filter", "{target}", "the filter prompt knows {target_object}."),
        ("filter", "{query}", "the filter prompt knows {target_object}."),
        ("verify", "{box}", "the verify prompt knows {query} and {target_object}."),
        ("verify", "{0}", "names the placeholder '{0}'"),
        ("verify", "{}", "names the placeholder '{}'"),
        ("verify", "{query.__class__}", "names the placeholder '{query.__class__}'"),
        ("verify", "{query[0]}", "names the placeholder '{query[0]}'"),
        ("verify", "{query", "write a literal brace as '{{' or '}}'."),
        ("verify", "query}", "write a literal brace as '{{' or '}}'."),
        ("verify", '{"answer": "YES"}', "names the placeholder"),
    ],
)
def test_templates_that_cannot_be_filled_are_refused_with_the_reason(stage, template, says):
    assert says in (prompts.template_problem(stage, template) or "")


@pytest.mark.parametrize("template", ["{query:d}", "{query!z}", "{query:{nothing}}", "{query: YES or NO}"])
def test_a_template_that_would_fail_while_it_is_filled_is_refused(template):
    with pytest.raises((ValueError, KeyError)):
        prompts.fill(template, target_object="t", query="q")
    assert prompts.template_problem("verify", template) is not None


def test_braces_in_a_query_are_left_as_they_are():
    assert prompts.fill("Is it {query}?", target_object="t", query="a {b}") == "Is it a {b}?"


def test_the_hash_of_a_prompt_stays_the_same_over_versions():
    # printf 'Is it a drone?' | sha256sum
    assert prompts.prompt_hash("Is it a drone?") == "852d0028a696f2a6"
    assert prompts.prompt_hash("Is it a drone? ") != prompts.prompt_hash("Is it a drone?")
