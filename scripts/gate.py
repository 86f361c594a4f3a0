"""Let the campaign begin if the same crystal has the same energy in all its cells."""

import pandas as pd

from smallcell.files import written_whole
from smallcell.gate import gate_faults, gate_text
from smallcell.progress import log_to, tell

log_to(snakemake.log[0])
table = pd.read_csv(snakemake.input[0])
text = gate_text(table)
if faults := gate_faults(table, snakemake.params.gate):
    tell("\n".join(["gate: one crystal, several energies", *faults, text]))
    raise SystemExit(
        "the settings of pw.x cannot tell cells from their supercells alike: make dft.k_spacing "
        "smaller or dft.degauss larger, or allow more in gate"
    )
with written_whole(snakemake.output[0]) as part:
    part.write_text(text)
