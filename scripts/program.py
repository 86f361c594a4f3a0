"""Ask the configured pw.x for its version."""

from dataclasses import asdict

from smallcell.files import write_report
from smallcell.programs import Program, ask_pw
from smallcell.progress import log_to, tell

log_to(snakemake.log[0])
command = snakemake.params.command
program = Program("pw.x", None) if command is None else ask_pw(command)
tell(f"labels come from {program.name} {program.version or 'of any version, by the store'}")
write_report(snakemake.output[0], asdict(program))
