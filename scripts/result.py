"""Put the last potential, its training set and its costs where a user looks for them."""

import shutil

from smallcell.cfg import write_cfg
from smallcell.files import written_whole
from smallcell.potential import read_potential, write_potential
from smallcell.progress import log_to
from smallcell.training import read_structures
from smallcell.wall import lammps_lines, read_wall

log_to(snakemake.log[0])
for name in ("almtp", "train", "costs"):
    with written_whole(snakemake.output[name]) as part:
        shutil.copyfile(snakemake.input[name], part)
write_potential(snakemake.output.mtp, read_potential(snakemake.input.almtp))
structures = read_structures(snakemake.input.train)
for atoms in structures:
    atoms.info = {}
barrier = read_wall(snakemake.input.wall)
lines = lammps_lines("mtp", snakemake.output.almtp, len(snakemake.params.species), barrier)
with written_whole(snakemake.output.lammps) as part:
    part.write_text("\n".join(lines) + "\n")
with written_whole(snakemake.output.cfg) as part:
    write_cfg(part, structures, snakemake.params.species)
