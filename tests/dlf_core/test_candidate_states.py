import pytest

from dlf_core.candidate_states import ERROR_STATES, CandidateState, may_pass


def test_every_state_that_a_candidate_can_end_in_has_its_name():
    named = "kept duplicate too_small too_large not_an_image corrupt opted_out forbidden_address http_error timeout"
    assert {*named.split(), "throttled", "unreadable", "outside_folder", "license_refused"} == set(CandidateState)


def test_only_what_may_pass_is_an_error_that_is_tried_again():
    assert set(ERROR_STATES) == {"unreadable", "timeout", "throttled"}


@pytest.mark.parametrize(("status", "passes"), [(404, False), (410, False), (500, True), (503, True), (None, True)])
def test_a_host_that_is_in_trouble_may_answer_next_time_and_one_that_says_no_will_not(status, passes):
    assert may_pass("http_error", status) is passes
