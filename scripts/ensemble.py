"""Refit a potential to its training set under random weights of the structures."""

import json
import zlib
from pathlib import Path

import numpy as np

from smallcell.ensemble import members
from smallcell.loss import Weights
from smallcell.potential import read_potential, write_potential
from smallcell.progress import log_to
from smallcell.training import read_structures

log_to(snakemake.log[0])
found = members(
    read_structures(snakemake.input.train),
    read_potential(snakemake.input.potential),
    Weights(**snakemake.params.weights),
    json.loads(Path(snakemake.input.fit).read_text())["ridge"],
    len(snakemake.output),
    # Other numbers than those that a fit from scratch begins with.
    np.random.default_rng(
        np.random.SeedSequence(snakemake.params.seed, spawn_key=(zlib.crc32(b"ensemble"),))
    ),
    snakemake.threads,
)
for path, member in zip(snakemake.output, found, strict=True):
    write_potential(path, member)
