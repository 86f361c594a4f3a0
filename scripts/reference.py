"""Energy of an isolated atom: the configuration's own value, or pw.x in a large enough box."""

from smallcell.budget import price
from smallcell.canonical import canonical_form
from smallcell.files import write_report
from smallcell.jobs import label_once
from smallcell.labels import SUCCESSES, atom_calculation, isolated_atom
from smallcell.programs import read_program
from smallcell.progress import log_to, tell
from smallcell.references import BOXES, box_error, sufficient_box

log_to(snakemake.log[0])
dft, symbol = snakemake.params.dft, snakemake.wildcards.element


def energy_in_box(box: float) -> tuple[float, float]:
    """Energy of the atom by pw.x, or from the store (eV), and the core-seconds that it took."""
    atoms = canonical_form(isolated_atom(symbol, box)).atoms()
    calculation = atom_calculation(symbol, dft, snakemake.params.pseudopotentials)
    program = read_program(snakemake.input.program)
    report, labelled = label_once(
        atoms, calculation, program, snakemake.params, snakemake.input.upf
    )
    if report["fate"] not in SUCCESSES:
        stop(f"in a box of {box:.1f} A: {report['fate']}, {report['message']}")
    return labelled.get_potential_energy(), price(report)


def stop(reason: str) -> None:
    """End with what is wrong and what helps."""
    message = f"the isolated {symbol} atom {reason}"
    tell(message)
    raise SystemExit(f"{message}; or give its energy yourself, as `energy` of the element")


found = {"element": symbol, "energy": snakemake.params.energy, "core_seconds": 0.0}
if found["energy"] is None:
    energies, prices = zip(
        *[energy_in_box(share * dft["atom_box"]) for share in BOXES], strict=True
    )
    found |= {
        "energy": energies[-1],
        "box_error": box_error(energies),
        "core_seconds": sum(prices),
    }
    if 1000 * found["box_error"] > dft["atom_tolerance"]:
        enough = sufficient_box(energies, dft["atom_box"], dft["atom_tolerance"] / 1000)
        stop(
            f"is off by {1000 * found['box_error']:.0f} meV in dft.atom_box {dft['atom_box']:g} A, "
            f"dft.atom_tolerance is {dft['atom_tolerance']:g} meV: {enough:g} A would do"
        )
    tell(
        f"isolated {symbol} atom: {found['energy']:.4f} eV, "
        f"{1000 * found['box_error']:.1f} meV of it due to the box"
    )
write_report(snakemake.output[0], found)
