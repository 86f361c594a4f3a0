"""A crystal and its melt side by side, until they have found the melting point."""

from pathlib import Path

from smallcell.coexistence import Conditions, coexistence_in_words, coexistence_run, not_begun
from smallcell.files import read_reports, write_report
from smallcell.molecular_dynamics import lammps_seed, matter_of
from smallcell.progress import log_to, tell
from smallcell.wall import read_wall

log_to(snakemake.log[0])
(found,) = read_reports([snakemake.input.search])
element = snakemake.params.element
if found["reason"]:
    report = not_begun(element, found["reason"])
else:
    matter = matter_of(Path(snakemake.input.potential), read_wall(snakemake.input.wall))
    conditions = Conditions(found["temperature"], **snakemake.params.conditions)
    seed = lammps_seed(snakemake.params.seed, int(snakemake.wildcards.number))
    report = coexistence_run(matter, element, conditions, seed)
write_report(snakemake.output[0], report)
tell(coexistence_in_words(report))
