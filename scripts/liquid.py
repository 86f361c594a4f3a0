"""Structure, diffusion and viscosity of a liquid at a temperature."""

from pathlib import Path

from smallcell.files import read_reports, write_report
from smallcell.liquid import liquid_in_words, liquid_run
from smallcell.molecular_dynamics import lammps_seed, matter_of
from smallcell.progress import log_to, tell
from smallcell.training import read_structures
from smallcell.wall import read_wall

log_to(snakemake.log[0])
matter = matter_of(Path(snakemake.input.potential), read_wall(snakemake.input.wall))
(thermal,) = read_reports([snakemake.input.thermal])
start = next(iter(read_structures(snakemake.input.start)), None)
seed = lammps_seed(snakemake.params.seed)
report = liquid_run(matter, start, thermal, snakemake.params.duration, seed)
write_report(snakemake.output[0], report)
tell(liquid_in_words(report))
