"""The verdict on a round."""

import pytest

from smallcell.verdict import check_walks, verdict

FINISHED = {"fate": "finished", "frames": 0}
STOPPED = {"fate": "stopped", "frames": 3}


def fates(*names):
    return [
        {"fate": name, "message": "", "retries": [], "batch": "two-atoms/003", "structure": n}
        | {"formula": "K2"}
        for n, name in enumerate(names)
    ]


def test_a_stage_ends_when_nothing_new_turned_up():
    judgement = verdict([FINISHED, FINISHED], [], last=False, failed_share=0.5)
    assert (judgement["new"], judgement["decision"]) == (False, "stage ends")
    assert "no walker met" in judgement["reason"]


def test_a_round_that_learnt_something_is_followed_by_another():
    labels = fates("labelled", "from store", "not converged")
    judgement = verdict([FINISHED, STOPPED], labels, last=False, failed_share=0.5)
    assert (judgement["new"], judgement["decision"]) == (True, "again")
    assert judgement["fates"] == {"labelled": 1, "from store": 1, "not converged": 1}
    assert judgement["frames"] == 3


def test_the_limit_of_rounds_is_given_as_the_reason():
    judgement = verdict([STOPPED], fates("labelled"), last=True, failed_share=0.5)
    assert (judgement["new"], judgement["decision"]) == (True, "stage ends")
    assert "limit of rounds" in judgement["reason"]


def test_too_many_failures_stop_the_campaign_and_each_is_named():
    labels = fates("labelled", "crashed", "timed out", "timed out")
    labels[1]["message"] = "Error in routine read_namelists (1)"
    labels[3]["retries"] = ["gentle mixing", "resumed"]
    verdict([STOPPED], labels, last=False, failed_share=0.75)
    with pytest.raises(
        ValueError, match=r"3 of 4 labels failed \(1 crashed, 1 labelled, 2 timed"
    ) as e:
        verdict([STOPPED], labels, last=False, failed_share=0.74)
    _, *named, logs = str(e.value).splitlines()
    assert named == [
        "  two-atoms/003, structure 1, K2: crashed, Error in routine read_namelists (1)",
        "  two-atoms/003, structure 2, K2: timed out",
        "  two-atoms/003, structure 3, K2: timed out after gentle mixing, resumed",
    ]
    assert "logs/<batch>/labels/<structure>.log" in logs


def test_walkers_that_exploded_are_not_taken_for_walkers_that_know_all():
    check_walks(["finished", "exploded"], selected=1)
    check_walks(["finished", "stopped"], selected=0)
    with pytest.raises(ValueError, match="1 of 2 walkers exploded"):
        check_walks(["finished", "exploded"], selected=0)
