"""What a campaign cost counts every label once, and every failure; offsets are no errors."""

import json

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures, with_label

from benchmarks.cost import SIZES, core_hours, errors_by_size, label_reports
from smallcell.errors import errors


def report(path, key: str, fate: str, now: float, ever: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"key": key, "fate": fate, "core_seconds": now, "label_core_seconds": ever}
    path.write_text(json.dumps(found))


@pytest.fixture
def results(tmp_path):
    """A campaign whose gate made a label that its seeds found, with a label from another run."""
    report(tmp_path / "gate/labels/0.json", "a", "labelled", 3600, 3600)
    report(tmp_path / "seeds/labels/0.json", "a", "from store", 0, 3600)
    report(tmp_path / "seeds/labels/1.json", "b", "from store", 0, 1800)
    report(tmp_path / "two-atoms/000/labels/0.json", "c", "crashed", 360, 0)
    (tmp_path / "two-atoms/000/ensemble.json").write_text(json.dumps({"seconds": 36}))
    report(tmp_path / "two-atoms/001/labels/0.json", "c", "crashed", 360, 0)
    report(tmp_path / "convergence/k/labels/0.json", "d", "labelled", 9999, 9999)
    report(tmp_path / "two-atoms/002/labels/0.json", "e", "labelled", 9999, 9999)
    (tmp_path / "rounds.csv").write_text(
        "stage,round,walk seconds,fit seconds\nseeds,0,0,36\ntwo-atoms,0,36,36\ntwo-atoms,1,36,\n"
    )
    (tmp_path / "references").mkdir()
    (tmp_path / "references/K.json").write_text(json.dumps({"core_seconds": 180}))
    return tmp_path


def test_each_label_is_paid_for_once_and_each_failure_too(results):
    assert core_hours(results) == pytest.approx(
        {"labels": 1 + 0.5 + 0.1 + 0.1, "atoms": 0.05, "walks": 0.02, "fits": 0.03}
    )


def test_neither_a_convergence_study_nor_an_earlier_round_is_part_of_a_campaign(results):
    assert {one["key"] for one in label_reports(results)} == {"a", "b", "c"}


def test_energies_count_up_to_a_constant_an_atom():
    potential = random_potential(("K",), level=8, seed=1)
    structures = labelled(random_structures(("K",), 12, seed=2), potential)
    other = random_potential(("K",), level=8, seed=3)
    shifted = [
        with_label(
            atoms,
            energy=atoms.get_potential_energy() + 7.5 * len(atoms),
            forces=atoms.get_forces(),
            stress=atoms.get_stress(),
        )
        for atoms in structures
    ]
    plain, moved = (errors_by_size(other, some) for some in (structures, shifted))
    assert moved[0].energy == pytest.approx(plain[0].energy)
    assert 0 < plain[0].energy < errors(other, structures).energy
    assert plain[0].force == errors(other, structures).force
    # Every structure is in one of the columns.
    assert sum(part.configurations for part in plain[1:]) == len(structures)
    assert all(few <= many for few, many in SIZES)
    assert np.isfinite(plain[0].force)
