"""Refit a potential to its training set under random weights of the structures."""

import json
import time
import zlib
from pathlib import Path

import numpy as np

from smallcell.ensemble import members
from smallcell.files import write_report
from smallcell.loss import Weights, emphasised
from smallcell.potential import read_potential, write_potential
from smallcell.progress import log_to
from smallcell.training import read_structures

log_to(snakemake.log[0])
began = time.perf_counter()
found = members(
    emphasised(read_structures(snakemake.input.train), snakemake.params.energy_scale),
    read_potential(snakemake.input.potential),
    Weights(**snakemake.params.weights),
    json.loads(Path(snakemake.input.fit).read_text())["ridge"],
    len(snakemake.output.members),
    # Other numbers than those that a fit from scratch begins with.
    np.random.default_rng(
        np.random.SeedSequence(snakemake.params.seed, spawn_key=(zlib.crc32(b"ensemble"),))
    ),
    snakemake.threads,
)
for path, member in zip(snakemake.output.members, found, strict=True):
    write_potential(path, member)
write_report(snakemake.output.report, {"seconds": time.perf_counter() - began})
