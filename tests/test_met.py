"""What a walker has kept is read back as what it was kept as."""

import numpy as np
import pytest
from ase.build import bulk

from smallcell.met import Met, read_met, write_met
from smallcell.training import write_structures


def crystal(step: int):
    """A crystal that a walker met."""
    atoms = bulk("K", "bcc", a=5.3, cubic=True)
    atoms.rattle(0.1, seed=step)
    atoms.info = {"walker": 3, "step": step, "grade": 2.5}
    return atoms


@pytest.mark.parametrize(
    ("frames", "samples"), [((1, 2), (2, 5, 7)), ((), (1,)), ((1,), ()), ((), ())]
)
def test_frames_and_samples_come_back_in_their_order(tmp_path, frames, samples):
    met = Met(list(map(crystal, frames)), list(map(crystal, samples)))
    write_met(tmp_path / "3.extxyz", met)
    found = read_met(tmp_path / "3.extxyz")
    for before, after in ((met.frames, found.frames), (met.samples, found.samples)):
        assert [atoms.info for atoms in after] == [atoms.info for atoms in before]
        for one, other in zip(before, after, strict=True):
            assert np.allclose(one.positions, other.positions, rtol=0, atol=1e-8)


def test_a_structure_that_does_not_say_what_it_was_kept_as_is_refused(tmp_path):
    write_structures(tmp_path / "3.extxyz", [crystal(1)])
    with pytest.raises(ValueError, match=r"3.extxyz: structure 0 has kept_as=None"):
        read_met(tmp_path / "3.extxyz")
