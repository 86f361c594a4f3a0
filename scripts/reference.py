"""What the labels of an element are made relative to: its isolated atom, and its finite basis.

The atom's energy is the configuration's own value, or pw.x's in a large enough box. What the stress
lacks for want of plane waves is measured on the element's crystal.
"""

from ase import Atoms

from smallcell.budget import price
from smallcell.canonical import canonical_form
from smallcell.cells import crystal
from smallcell.files import write_report
from smallcell.finite_basis import SHARES, missing_virial, with_cutoffs
from smallcell.jobs import label_once
from smallcell.labels import (
    SUCCESSES,
    Calculation,
    atom_calculation,
    crystal_calculation,
    isolated_atom,
)
from smallcell.programs import read_program
from smallcell.progress import log_to, tell
from smallcell.references import BOXES, box_error, sufficient_box

log_to(snakemake.log[0])
dft, symbol = snakemake.params.dft, snakemake.wildcards.element


def energy(atoms: Atoms, calculation: Calculation, where: str) -> tuple[float, float]:
    """Energy by pw.x, or from the store (eV), and the core-seconds that it took."""
    program = read_program(snakemake.input.program)
    report, labelled = label_once(
        atoms, calculation, program, snakemake.params, snakemake.input.upf
    )
    if report["fate"] not in SUCCESSES:
        stop(f"{where}: {report['fate']}, {report['message']}")
    return labelled.get_potential_energy(), price(report)


def energy_in_box(box: float) -> tuple[float, float]:
    """Of the isolated atom in a box of an edge (A)."""
    atoms = canonical_form(isolated_atom(symbol, box)).atoms()
    calculation = atom_calculation(symbol, dft, snakemake.params.pseudopotentials)
    return energy(atoms, calculation, f"the isolated {symbol} atom in a box of {box:.1f} A")


def energy_at_cutoffs(share: float) -> tuple[float, float]:
    """Of an atom of the crystal, at a share of the campaign's cut-offs."""
    atoms = canonical_form(crystal(snakemake.params.element, "primitive", (1, 1, 1))).atoms()
    calculation = crystal_calculation(
        atoms, with_cutoffs(dft, share), snakemake.params.pseudopotentials
    )
    where = f"the {symbol} crystal at {share:g} of the cut-offs"
    whole, core_seconds = energy(atoms, calculation, where)
    return whole / len(atoms), core_seconds


def stop(message: str) -> None:
    """End with what is wrong."""
    tell(message)
    raise SystemExit(message)


energies, prices = zip(*map(energy_at_cutoffs, SHARES), strict=True)
found = {
    "element": symbol,
    "energy": snakemake.params.element.get("energy"),
    "missing_virial": missing_virial(energies),
    "core_seconds": sum(prices),
}
tell(
    f"{symbol} crystal: stress lacks {1000 * found['missing_virial']:.1f} meV/atom by its volume, "
    "for want of plane waves"
)
if found["energy"] is None:
    energies, prices = zip(
        *[energy_in_box(share * dft["atom_box"]) for share in BOXES], strict=True
    )
    found |= {
        "energy": energies[-1],
        "box_error": box_error(energies),
        "core_seconds": found["core_seconds"] + sum(prices),
    }
    if 1000 * found["box_error"] > dft["atom_tolerance"]:
        enough = sufficient_box(energies, dft["atom_box"], dft["atom_tolerance"] / 1000)
        stop(
            f"the isolated {symbol} atom is off by {1000 * found['box_error']:.0f} meV in "
            f"dft.atom_box {dft['atom_box']:g} A, dft.atom_tolerance is "
            f"{dft['atom_tolerance']:g} meV: {enough:g} A would do; or give its energy yourself, "
            "as `energy` of the element"
        )
    tell(
        f"isolated {symbol} atom: {found['energy']:.4f} eV, "
        f"{1000 * found['box_error']:.1f} meV of it due to the box"
    )
write_report(snakemake.output[0], found)
