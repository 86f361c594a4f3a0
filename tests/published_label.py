"""A published label is met at the preset `published`; `make published-label` asks for it."""

import pytest
import yaml
from ase.build import bulk
from conftest import REPOSITORY

from smallcell.labels import Fate, crystal_calculation, run_pw
from smallcell.presets import with_preset
from smallcell.pseudopotentials import provide_upf


def test_a_published_label_of_potassium_is_met_within_a_tenth_of_a_mev(tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    presets = yaml.safe_load((REPOSITORY / "config/presets.yaml").read_text())
    asked = {"elements": [{"symbol": "K"}], "dft": {"preset": "published", "conv_thr": 1e-8}}
    filled = with_preset(asked, presets)
    provide_upf(filled["elements"][0]["pseudopotential"], None, tmp_path / "K.UPF")
    # Seeds of the published sets are cells of one atom, of unknown mesh. The conventional cell with
    # its 8x8x8 k-points is 1.4 meV/atom higher: that much the published meshes leave open.
    atoms = bulk("K", "bcc", a=5.28619)
    calculation = crystal_calculation(atoms, filled["dft"], {"K": "of the deck"})
    assert calculation.k_mesh == (11, 11, 11)
    outcome = run_pw(atoms, calculation, "pw.x", tmp_path, 3600, tmp_path / "run")
    assert outcome.fate == Fate.LABELLED
    published = -3075.20056 / 2
    energy = outcome.atoms.get_potential_energy()
    assert energy == pytest.approx(published, abs=1e-4)
    print(f"{energy:.5f} eV, published {published:.5f}; {outcome.core_seconds:.0f} core-seconds")
