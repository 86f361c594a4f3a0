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


NOTHING = {"configurations": 0}
TOLERANCES = {"least": 4, "force": 12.0}


def judged(
    labels, outcome="new", walks=(FINISHED, STOPPED), last=False, failed_share=0.5, **errors
):
    selection = {"outcome": outcome, "reasons": ["in words"]}
    held_out = errors or NOTHING
    tolerances = TOLERANCES if errors else {}
    return verdict(walks, labels, selection, held_out, tolerances, last, failed_share)


def test_a_stage_ends_when_nothing_new_turned_up():
    judgement = judged([], "enough")
    assert (judgement["decision"], judgement["reasons"]) == ("stage ends", ["in words"])
    assert judgement["warnings"] == []


@pytest.mark.parametrize("outcome", ["new", "inaccurate"])
def test_a_round_that_learnt_something_is_followed_by_another(outcome):
    judgement = judged(fates("labelled", "from store", "not converged"), outcome)
    assert (judgement["decision"], judgement["warnings"]) == ("again", [])
    assert judgement["fates"] == {"labelled": 1, "from store": 1, "not converged": 1}
    assert judgement["frames"] == 3


def test_a_stage_that_its_limit_of_rounds_ends_has_a_warning():
    judgement = judged(fates("labelled"), last=True)
    assert judgement["decision"] == "stage ends"
    assert judgement["warnings"] == ["its limit of rounds is reached", "in words"]


def test_the_warning_tells_of_errors_that_were_not_yet_tolerable():
    judgement = judged(
        fates("labelled"), last=True, configurations=9, force=14.0, force_interval=[12.0, 17.0]
    )
    assert judgement["warnings"][-1] == (
        "the held-out force error of 14 meV/A may be as high as 17; verdict.force allows 12"
    )
    assert judgement["held_out"]["force"] == 14.0


def test_a_stage_whose_errors_are_intolerable_and_that_has_nothing_to_learn_from_ends_warned():
    judgement = judged([], "inaccurate")
    assert (judgement["decision"], judgement["warnings"]) == ("stage ends", ["in words"])


def test_a_budget_that_is_spent_ends_the_campaign_with_a_warning():
    judgement = judged([], "budget")
    assert (judgement["decision"], judgement["warnings"]) == ("campaign ends", ["in words"])


def test_too_many_failures_stop_the_campaign_and_each_is_named():
    labels = fates("labelled", "crashed", "timed out", "timed out")
    labels[1]["message"] = "Error in routine read_namelists (1)"
    labels[3]["retries"] = ["gentle mixing", "resumed"]
    judged(labels, failed_share=0.75)
    with pytest.raises(
        ValueError, match=r"3 of 4 labels failed \(1 crashed, 1 labelled, 2 timed"
    ) as e:
        judged(labels, failed_share=0.74)
    _, *named, logs = str(e.value).splitlines()
    assert named == [
        "  two-atoms/003, structure 1, K2: crashed, Error in routine read_namelists (1)",
        "  two-atoms/003, structure 2, K2: timed out",
        "  two-atoms/003, structure 3, K2: timed out after gentle mixing, resumed",
    ]
    assert "logs/<batch>/labels/<structure>.log" in logs


def test_walkers_that_exploded_are_not_taken_for_walkers_that_know_all():
    check_walks(["exploded", "exploded"], selected=1)
    check_walks(["finished", "stopped"], selected=0)
    check_walks(["finished", "exploded"], selected=0)
    with pytest.raises(ValueError, match="2 of 3 walkers exploded"):
        check_walks(["finished", "exploded", "exploded"], selected=0)
