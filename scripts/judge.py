"""Write the verdict on a round."""

import json
from pathlib import Path

from smallcell.errors import errors, in_report_units
from smallcell.files import read_reports, write_report
from smallcell.held_out import of_stage
from smallcell.potential import read_potential
from smallcell.progress import log_to, tell
from smallcell.training import read_structures
from smallcell.verdict import verdict

log_to(snakemake.log[0])
here = snakemake.wildcards
walks = read_reports(snakemake.input.walks)
held_out = of_stage(read_structures(snakemake.input.held_out), here.stage)
try:
    judgement = verdict(
        walks,
        read_reports(snakemake.input.labels),
        json.loads(Path(snakemake.input.selection).read_text()),
        in_report_units(errors(read_potential(snakemake.input.potential), held_out)),
        snakemake.params.verdict,
        last=int(here.round) == snakemake.params.rounds - 1,
        failed_share=snakemake.params.labels["failed_share"],
    )
except ValueError as error:
    tell(f"{here.stage}/{here.round}: {error}")
    raise
write_report(snakemake.output[0], judgement)
fate_words = ", ".join(f"{number} {fate}" for fate, number in judgement["fates"].items())
tell(
    f"{here.stage}/{here.round}: {len(walks)} walkers saved {judgement['frames']} frames, "
    f"{judgement['selected']} selected{f' ({fate_words})' if fate_words else ''}: "
    f"{judgement['decision']}, {'; '.join(judgement['reasons'])}"
)
