"""What a workflow costs beside its jobs: wall time in which none of them ran."""

import json
from pathlib import Path


def idle_seconds(intervals: list[tuple[float, float]], began: float, ended: float) -> float:
    """Time between two moments that no interval covers (s)."""
    idle, covered = 0.0, began
    for start, end in sorted(intervals):
        idle += max(0.0, start - covered)
        covered = max(covered, end)
    return idle + max(0.0, ended - covered)


def job_intervals(snakemake_folder: Path, began: float) -> list[tuple[float, float]]:
    """Start and end of the jobs since a moment, from what Snakemake noted of their outputs."""
    records = (
        json.loads(path.read_text())
        for path in (snakemake_folder / "metadata").rglob("*")
        if path.is_file() and path.stat().st_mtime >= began
    )
    return [
        (record["starttime"], record["endtime"])
        for record in records
        if record.get("starttime") and record.get("endtime") and record["starttime"] >= began
    ]


def overhead(snakemake_folder: Path, began: float, ended: float) -> str:
    """One line on the wall time and the part of it in which no job ran."""
    wall = ended - began
    idle = idle_seconds(job_intervals(snakemake_folder, began), began, ended)
    return f"{wall:.0f} s, {idle:.0f} s of it ({idle / wall:.0%}) without a job running"
