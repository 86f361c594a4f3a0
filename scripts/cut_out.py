"""Cut small cells out of the large one, around the atoms that extrapolate the most."""

from pathlib import Path

import numpy as np

from smallcell.audit import small_cell_of
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.training import read_structures, write_structures
from smallcell.wall import read_wall

log_to(snakemake.log[0])
potential = read_potential(snakemake.input.potential)
write_structures(
    snakemake.output[0],
    [
        small_cell_of(
            frame,
            potential,
            Path(snakemake.input.potential),
            read_wall(snakemake.input.wall),
            snakemake.params.at_most,
            np.random.default_rng(snakemake.params.seed),
        )
        for frame in read_structures(snakemake.input.frames)
    ],
)
