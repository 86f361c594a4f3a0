"""What a campaign cost is what its own account says; labels of others are not its own."""

import json

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures, with_label

from benchmarks.cost import (
    SIZES,
    composition_rows,
    core_hours,
    errors_by_composition,
    errors_by_size,
    label_reports,
)
from smallcell.errors import errors


def report(path, key: str, fate: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"key": key, "fate": fate}))


@pytest.fixture
def results(tmp_path):
    """A campaign; a convergence study and an earlier, longer one have left labels beside it."""
    report(tmp_path / "gate/labels/0.json", "a", "labelled")
    report(tmp_path / "seeds/labels/0.json", "a", "from store")
    report(tmp_path / "seeds/labels/1.json", "b", "from store")
    report(tmp_path / "two-atoms/000/labels/0.json", "c", "crashed")
    report(tmp_path / "two-atoms/001/labels/0.json", "c", "crashed")
    report(tmp_path / "convergence/k/labels/0.json", "d", "labelled")
    report(tmp_path / "two-atoms/002/labels/0.json", "e", "labelled")
    costs = {"references": 180, "labels": 6120, "walks": 72, "fits": 108, "last_round": 1}
    (tmp_path / "costs.json").write_text(json.dumps(costs))
    (tmp_path / "rounds.csv").write_text("stage,round\nseeds,0\ntwo-atoms,0\ntwo-atoms,1\n")
    return tmp_path


def test_core_hours_are_those_of_the_campaigns_own_account(results):
    assert core_hours(results) == pytest.approx(
        {"references": 0.05, "labels": 1.7, "walks": 0.02, "fits": 0.03}
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


def test_an_alloys_errors_are_told_by_tenths_of_composition():
    species = ("Na", "K")
    potential = random_potential(species, level=6, seed=1)
    unlabelled = random_structures(species, 12, seed=2)
    for atoms in unlabelled[:4]:
        atoms.symbols = "Na"
    structures = labelled(unlabelled, potential)
    other = random_potential(species, level=6, seed=3)
    found = errors_by_composition(other, structures)
    # Of all structures, and none of them twice.
    assert sum(part.configurations for part in found.values()) == len(structures)
    pure = found[(0,)]
    assert pure.configurations >= 4
    assert pure.force == errors(other, [a for a in structures if "K" not in a.symbols]).force
    whole = errors_by_size(other, structures)[0]
    squares = [part.force**2 * part.atoms for part in found.values()]
    assert sum(squares) == pytest.approx(whole.force**2 * whole.atoms)
    first, *_ = composition_rows(other, structures)
    assert first[:2] == ["K 0-0.1", f"{pure.configurations}"]
