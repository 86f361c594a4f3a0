"""The command that prunes a potential: `make prune SET=... POTENTIAL=...` calls it.

    python -m smallcell.prune train.extxyz potential.mtp pruned --force 0.01 --convention mlip

writes pruned.mtp and pruned.almtp. The weights should be those of the fit that made the potential.
"""

import argparse
import sys
from collections.abc import Sequence

from ase import Atoms

from smallcell.engine import with_active_set
from smallcell.errors import errors
from smallcell.fitting import fit
from smallcell.formats import read_labelled
from smallcell.loss import CONVENTIONS, Weights
from smallcell.potential import Potential, read_potential, write_potential
from smallcell.progress import tell
from smallcell.pruning import Cost, preferred_part, prune


def pruned(
    structures: Sequence[Atoms], potential: Potential, weights: Weights, threads: int
) -> Potential:
    """Return the part of a potential that cross-validation prefers, with an active set.

    The potential is first fitted on, which chooses the ridge. Progress is told line by line.
    """
    whole = fit(structures, [potential], weights, threads=threads)
    fits = [whole]
    cost = Cost()
    tell(_line(whole.potential, structures, 1))
    for part in prune(structures, whole.potential, weights, whole.ridge, threads=threads):
        fits.append(part)
        share = cost.of(part.potential.basis) / cost.of(whole.potential.basis)
        tell(_line(part.potential, structures, share))
    found = fits[preferred_part(structures, fits, weights, threads)].potential
    return with_active_set(found, structures, potential.grade_mode, threads)


def _line(potential: Potential, structures: Sequence[Atoms], share: float) -> str:
    found = errors(potential, structures)
    return (
        f"cost {share:4.0%}  {len(potential.basis.scalars):4d} scalars  "
        f"{len(potential.basis.products):5d} products  training set "
        f"{1000 * found.energy:.2f} meV/atom, {1000 * found.force:.2f} meV/A"
    )


def main() -> None:
    """Read, prune and write; end with one line if a file or an option is wrong."""
    defaults = Weights()
    parser = argparse.ArgumentParser(description="Prune a potential to its training set.")
    parser.add_argument("set", help="training set, .extxyz or .cfg")
    parser.add_argument("potential", help="the potential fitted to it, .mtp or .almtp")
    parser.add_argument("target", help="what to write, without .mtp and .almtp")
    parser.add_argument("--species", nargs="+", help="of the types, if the potential has none")
    parser.add_argument("--energy", type=float, default=defaults.energy, help="weight")
    parser.add_argument("--force", type=float, default=defaults.force, help="weight")
    parser.add_argument("--stress", type=float, default=defaults.stress, help="weight")
    parser.add_argument("--convention", choices=CONVENTIONS, default=defaults.convention)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    weights = Weights(options.energy, options.force, options.stress, options.convention)
    try:
        potential = read_potential(options.potential, options.species)
        structures = read_labelled(options.set, potential.species)
        found = pruned(structures, potential, weights, options.threads)
        for suffix in (".mtp", ".almtp"):
            write_potential(f"{options.target}{suffix}", found)
    except (OSError, ValueError) as error:
        sys.exit(f"prune: {error}")
    tell(
        f"cross-validation prefers the {len(found.linear)} scalars of "
        f"{options.target}.mtp, {options.target}.almtp"
    )


if __name__ == "__main__":
    main()
