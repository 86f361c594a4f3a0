"""Density and enthalpy of the solid or the liquid at the melting point that runs have found."""

from pathlib import Path

from smallcell.coexistence import melting_point
from smallcell.files import read_reports, write_report
from smallcell.molecular_dynamics import lammps_seed, matter_of
from smallcell.progress import log_to, tell
from smallcell.thermal import Conditions, no_thermal_run, thermal_in_words, thermal_run
from smallcell.wall import read_wall

log_to(snakemake.log[0])
point, reason = melting_point(read_reports(snakemake.input.runs))
element, state = snakemake.params.element, snakemake.wildcards.state
if point is None:
    report = no_thermal_run(element, state, reason)
else:
    matter = matter_of(Path(snakemake.input.potential), read_wall(snakemake.input.wall))
    conditions = Conditions(
        state, point.value, melt_at=snakemake.params.melt_at, **snakemake.params.measured
    )
    report, _ = thermal_run(matter, element, conditions, lammps_seed(snakemake.params.seed))
write_report(snakemake.output[0], report)
tell(thermal_in_words(report))
