"""Where to begin so that a crystal and its melt last side by side."""

from pathlib import Path

from smallcell.coexistence import Conditions, coexistence_run, search, search_in_words
from smallcell.files import write_report
from smallcell.molecular_dynamics import lammps_seed, matter_of
from smallcell.progress import log_to, tell
from smallcell.wall import read_wall

log_to(snakemake.log[0])
matter = matter_of(Path(snakemake.input.potential), read_wall(snakemake.input.wall))
element = snakemake.params.element
seed = lammps_seed(snakemake.params.seed)


def attempt(temperature: float) -> dict:
    """Run from a temperature (K)."""
    conditions = Conditions(temperature, **snakemake.params.conditions)
    return coexistence_run(matter, element, conditions, seed)


found = search(attempt, snakemake.params.between)
write_report(snakemake.output[0], found)
tell(search_in_words(element["symbol"], found))
