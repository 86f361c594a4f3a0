"""Choose the settings to try together from those that were good enough alone."""

from smallcell.convergence import combined_points, convergence_table, read_points
from smallcell.files import write_report
from smallcell.progress import log_to

log_to(snakemake.log[0])
table = convergence_table(
    *read_points(
        snakemake.params.points,
        snakemake.input.settings,
        snakemake.input.labels,
        snakemake.params.labels["store"],
    )
)
settings = combined_points(table, snakemake.params.convergence).values()
for values, path in zip(settings, snakemake.output, strict=True):
    write_report(path, values)
