"""Mixtures: names that say what is in them, atoms in the numbers that were asked for."""

import numpy as np
import pytest

from smallcell.mixtures import (
    mean_mass,
    mixture,
    name_of,
    shares_in,
    shares_of,
    symbols_at_random,
    system_of,
)

SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}
POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}


def test_a_mixture_has_one_name_whatever_the_order_of_its_elements():
    assert shares_of("K0.67Na.33") == {"K": 0.67, "Na": 0.33}
    assert name_of(shares_of("K0.67Na.33")) == name_of(shares_of("Na0.33K0.67")) == "Na0.33K0.67"
    assert system_of(["K", "Na", "Li"]) == "Li-Na-K"
    assert shares_of("Li0.33Na0.33K0.34")["Li"] == 0.33


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NaK", "is no mixture"),
        ("K1.0", "is no mixture"),
        ("Na0.5 K0.5", "is no mixture"),
        ("Na0.4K0.67", "shares are 1.07 together"),
        ("Na0.5Na0.5", "each element must be there once"),
        ("Na0.0K1.0", "is no mixture"),
        ("Qq0.5K0.5", "Qq is no element"),
    ],
)
def test_what_is_no_mixture_is_refused_by_its_name(name, reason):
    with pytest.raises(ValueError, match=f"^{name}: .*{reason}"):
        shares_of(name)


def test_numbers_of_atoms_are_the_nearest_to_the_shares():
    rng = np.random.default_rng(1)
    shares = {"Na": 0.33, "K": 0.67}
    symbols = symbols_at_random(shares, 256, rng)
    assert (symbols.count("Na"), symbols.count("K")) == (84, 172)
    assert len(set(symbols[:20])) == 2
    thirds = symbols_at_random({"Li": 0.33, "Na": 0.33, "K": 0.34}, 16, rng)
    assert sorted(map(thirds.count, ("Li", "Na", "K"))) == [5, 5, 6]


def test_a_mixture_begins_with_the_mean_of_its_elements_volumes():
    found = mixture({"Na": 0.25, "K": 0.75}, [SODIUM, POTASSIUM])
    assert found["lattice_constant"] ** 3 == pytest.approx(0.25 * 4.2**3 + 0.75 * 5.3**3)
    assert shares_in(found) == {"Na": 0.25, "K": 0.75}
    assert shares_in(POTASSIUM) == {"K": 1.0}
    assert mean_mass(found["shares"]) == pytest.approx(0.25 * 22.99 + 0.75 * 39.098, rel=1e-4)
    with pytest.raises(ValueError, match="Li is not among Na, K"):
        mixture({"Na": 0.5, "Li": 0.5}, [SODIUM, POTASSIUM])
