"""Density and enthalpy of a solid or a liquid at a temperature."""

from pathlib import Path

from smallcell.files import write_report
from smallcell.molecular_dynamics import lammps_seed, matter_of
from smallcell.progress import log_to, tell
from smallcell.thermal import Conditions, thermal_in_words, thermal_run
from smallcell.training import write_structures
from smallcell.wall import read_wall

log_to(snakemake.log[0])
matter = matter_of(Path(snakemake.input.potential), read_wall(snakemake.input.wall))
conditions = Conditions(
    state=snakemake.wildcards.state,
    temperature=float(snakemake.wildcards.temperature),
    melt_at=snakemake.params.melt_at,
    **snakemake.params.measured,
)
seed = lammps_seed(snakemake.params.seed)
report, end = thermal_run(matter, snakemake.params.element, conditions, seed)
write_structures(snakemake.output.end, [] if end is None else [end])
write_report(snakemake.output.report, report)
tell(thermal_in_words(report))
