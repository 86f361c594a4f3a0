"""Write the verdict on a round."""

import json
from pathlib import Path

from smallcell.files import written_whole
from smallcell.progress import log_to, tell
from smallcell.verdict import verdict

log_to(snakemake.log[0])
here = snakemake.wildcards
walks = [json.loads(Path(path).read_text()) for path in snakemake.input.walks]
fates = [json.loads(Path(path).read_text()) for path in snakemake.input.labels]
try:
    judgement = verdict(
        walks,
        fates,
        last=int(here.round) == snakemake.params.rounds - 1,
        failed_share=snakemake.params.labels["failed_share"],
    )
except ValueError as error:
    tell(f"{here.stage}/{here.round}: {error}")
    raise
with written_whole(snakemake.output[0]) as part:
    part.write_text(json.dumps(judgement, indent=1))
fate_words = ", ".join(f"{number} {fate}" for fate, number in judgement["fates"].items())
tell(
    f"{here.stage}/{here.round}: {len(walks)} walkers saved {judgement['frames']} frames, "
    f"{judgement['selected']} selected{f' ({fate_words})' if fate_words else ''}: "
    f"{judgement['decision']}, {judgement['reason']}"
)
