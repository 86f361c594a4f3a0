"""What a configuration must fulfil, said in one line a fault before anything is computed.

The JSON schema says which keys there are and what values they take; `schema_faults` puts its
findings into words. What a schema cannot say, because it takes two keys, a file or the periodic
table to see it, is in `meaning_faults`. What the machine lacks is in `machine_faults`.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import jsonschema
import numpy as np
from ase.data import chemical_symbols
from ase.neighborlist import neighbor_list

from smallcell import mlip
from smallcell.canonical import CanonicalForm, canonical_form
from smallcell.cells import crystal, indices, parent
from smallcell.diffusion import SHORTEST_RUN
from smallcell.formats import file_format
from smallcell.labels import k_mesh
from smallcell.potential import read_potential_of
from smallcell.programs import mpirun
from smallcell.pseudopotentials import DECK_SUFFIX, check_upf, upf_element
from smallcell.results import results_faults
from smallcell.sampling import plugin_path
from smallcell.store import of_later_release

MOST_K_POINTS = 64
"""Divisions of a k-mesh along one axis beyond which the spacing is taken for a mistake."""

LARGEST_NUMBER = 1e100
"""Beyond which numbers are no quantity, and their squares no numbers."""

UNKNOWN = {"symbol": "X"}
"""Stands for an element where only the geometry counts: its own symbol may be at fault."""


FOLDERS = (
    "audit",
    "convergence",
    "diagnosis",
    "gate",
    "imports",
    "logs",
    "pseudopotentials",
    "references",
    "seeds",
    "validation",
)
"""Folders of the results that are no stages."""


CURES = {
    "setpriv": "it is part of util-linux, from version 2.33 on",
    "timeout": "it is part of coreutils",
}
"""Where programs come from that every Linux has."""


LEAST_AROUND = 8
"""A large cell has so many times the atoms of what is cut out of it, at least."""


def schema_faults(configuration: Mapping, schema: Mapping) -> list[str]:
    """Faults of a configuration against its JSON schema, one line each, the key first."""
    errors = jsonschema.Draft202012Validator(schema).iter_errors(configuration)
    ordered = sorted(errors, key=lambda error: list(map(str, error.path)))
    return [*_number_faults(configuration, ()), *map(_in_words, ordered)]


def _number_faults(value: object, path: tuple) -> Iterator[str]:
    """Numbers that no comparison finds fault with, such as YAML's .nan, or that no float holds."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _number_faults(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _number_faults(inner, (*path, place))
    elif isinstance(value, int | float) and not abs(value) <= LARGEST_NUMBER:
        shown = f"{value:g}" if isinstance(value, float) else "a number of so many digits"
        yield f"{_key(path)}: {shown} is nothing to compute with; give a finite number"


def _in_words(error: jsonschema.ValidationError) -> str:
    """One line about a schema error: key, value, what would be right."""
    key = _key(error.absolute_path)
    if error.validator == "additionalProperties":
        known = ", ".join(sorted(error.schema["properties"]))
        unknown = sorted(set(error.instance) - set(error.schema["properties"]), key=str)
        return f"{key}: unknown key {', '.join(map(repr, unknown))}; it takes {known}"
    if error.validator == "required":
        return f"{key}: {error.message}"
    meaning = error.schema.get("description", "")
    return f"{key}: {error.message}" + (f" ({meaning})" if meaning else "")


def _key(path: Iterable) -> str:
    """``sampling.temperature[0]`` for the path of a schema error."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return name.lstrip(".") or "configuration"


def engine_faults(written: Mapping) -> list[str]:
    """List what MLIP-3 would ignore without a word, one line each, the key first.

    Parameters
    ----------
    written : Mapping
        Right by the schema, without its defaults, since what is only a default may be ignored.
    """
    return [*_mlp_faults(written), *_pair_style_faults(written)]


def _mlp_faults(written: Mapping) -> Iterator[str]:
    if written.get("engine") != "mlip":
        return
    fit, selection = written.get("fit", {}), written.get("selection", {})
    weights = fit.get("weights", {})
    convention = weights.get("convention")
    if convention not in mlip.WEIGHT_SCALINGS:
        given = "the default, size," if convention is None else convention
        yield (
            f"fit.weights.convention: {given} is none that mlp has (engine: mlip); give "
            f"{' or '.join(mlip.WEIGHT_SCALINGS)}"
        )
    ignored = {f"fit.{key}": fit.get(key) for key in ("ridges", "starts", "energy_scale")}
    ignored["fit.weights.force_scale"] = weights.get("force_scale")
    for key, value in ignored.items():
        if value is not None:
            yield f"{key}: {value} means nothing to mlp (engine: mlip); leave it out"
    if fit.get("members") != 0:
        given = fit.get("members", "the default number")
        yield f"fit.members: mlp fits no ensemble (engine: mlip), not of {given}; set it to 0"
    if selection.get("prefer") != "largest grade":
        given = selection.get("prefer", "the default, cheapest,")
        yield (
            f"selection.prefer: {given} is not for mlp (engine: mlip), which knows no costs; set "
            "it to 'largest grade'"
        )
    for place, entry in enumerate(written.get("imports", [])):
        if entry.get("weight", 1) != 1:
            yield (
                f"imports[{place}].weight: {entry['weight']} must be 1 for mlp (engine: mlip), to "
                "which all structures are alike"
            )


def _pair_style_faults(written: Mapping) -> Iterator[str]:
    sampling = written.get("sampling", {})
    if sampling.get("pair_style") != "mlip":
        return
    if sampling.get("grade_every") != 1:
        given = sampling.get("grade_every", "the default, 10,")
        yield (
            f"sampling.grade_every: {given} is not for MLIP-3's pair style, which looks at each "
            "step; set it to 1"
        )
    if len(written["elements"]) > 1 and sampling.get("swap_every") != 0:
        given = sampling.get("swap_every", "the default, 100,")
        yield (
            f"sampling.swap_every: {given} is not for MLIP-3's pair style, which would save and "
            "stop at swaps that are only tried; set it to 0"
        )


def meaning_faults(configuration: Mapping, levels: range) -> list[str]:
    """Faults that a schema cannot see, one line each, the key first.

    Parameters
    ----------
    configuration : Mapping
        Valid by the schema, defaults filled in.
    levels : range
        Levels that a basis exists for.
    """
    return [
        *_element_faults(configuration),
        *_order_faults(configuration),
        *_potential_faults(configuration, levels),
        *_stage_faults(configuration),
        *_import_faults(configuration),
        *_validation_faults(configuration),
        *_audit_faults(configuration),
    ]


def _element_faults(configuration: Mapping) -> Iterator[str]:
    symbols = [element["symbol"] for element in configuration["elements"]]
    for place, element in enumerate(configuration["elements"]):
        key, symbol = f"elements[{place}]", element["symbol"]
        if symbol not in chemical_symbols[1:]:
            yield f"{key}.symbol: {symbol!r} is no chemical element"
            continue
        if symbols.count(symbol) > 1:
            yield f"{key}.symbol: {symbol} is listed more than once"
        yield from _pseudopotential_faults(f"{key}.pseudopotential", symbol, element)


def _pseudopotential_faults(key: str, symbol: str, element: Mapping) -> Iterator[str]:
    source = element["pseudopotential"]
    if "://" in source:
        if "checksum" not in element:
            yield f"{key}: {source} is an address and needs a checksum beside it (SHA-256)"
        return
    try:
        content = Path(source).read_text()
        if source.endswith(DECK_SUFFIX):
            return
        check_upf(content, source)
        found = upf_element(content)
    except (OSError, UnicodeDecodeError) as error:
        yield f"{key}: {source} cannot be read ({error})"
    except ValueError as error:
        yield f"{key}: {error}"
    else:
        if found != symbol:
            yield f"{key}: {source} is for {found}, not for {symbol}"


def _order_faults(configuration: Mapping) -> Iterator[str]:
    sampling = configuration["sampling"]
    stages = {f"stages[{place}]": stage for place, stage in enumerate(configuration["stages"])}
    for key, values in ({"sampling": sampling} | stages).items():
        for name in ("temperature", "pressure", "strain"):
            if name not in values:
                continue
            low, high = values[name]
            if low > high:
                yield f"{key}.{name}: {low} to {high} is no range; the lower end comes first"
    if sampling["save_above"] >= sampling["stop_above"]:
        yield (
            f"sampling.save_above: {sampling['save_above']} must be below "
            f"sampling.stop_above, which is {sampling['stop_above']}"
        )
    tolerance = configuration["selection"]["tolerance"]
    if tolerance > sampling["save_above"] / 2:
        yield (
            f"selection.tolerance: {tolerance} must be at most half of sampling.save_above, which "
            f"is {sampling['save_above']}, or frames are left out that the potential does not know"
        )
    low, high = configuration["seeds"]["strain"]
    if not low < 1 < high:
        yield f"seeds.strain: {low} to {high} must have 1, the lattice constant, inside"
    dft = configuration["dft"]
    if dft["ecutrho"] < 4 * dft["ecutwfc"]:
        yield (
            f"dft.ecutrho: {dft['ecutrho']} Ry must be at least four times "
            f"dft.ecutwfc, which is {dft['ecutwfc']} Ry"
        )


def _potential_faults(configuration: Mapping, levels: range) -> Iterator[str]:
    potential = configuration["potential"]
    if potential["level"] not in levels:
        yield f"potential.level: {potential['level']} is none of {', '.join(map(str, levels))}"
    for element in configuration["elements"]:
        nearest = _nearest_neighbours(element)
        if potential["cutoff"] <= nearest:
            yield (
                f"potential.cutoff: {potential['cutoff']} A does not reach the nearest neighbours "
                f"of {element['lattice']} {element['symbol']} at {nearest:.2f} A"
            )
    if configuration["fit"]["members"] == 1:
        yield "fit.members: 1 has nobody to disagree with; 2 or more, or 0 for no ensemble"


def _nearest_neighbours(element: Mapping) -> float:
    """Distance of nearest neighbours (A), whether or not the symbol is that of an element."""
    atoms = crystal(element | UNKNOWN, "primitive", (1, 1, 1))
    return neighbor_list("d", atoms, 2.0 * element["lattice_constant"]).min()


def _stage_faults(configuration: Mapping) -> Iterator[str]:
    names = [stage["name"] for stage in configuration["stages"]]
    spacing = configuration["dft"]["k_spacing"]
    for place, stage in enumerate(configuration["stages"]):
        key = f"stages[{place}]"
        if names.count(stage["name"]) > 1:
            yield f"{key}.name: {stage['name']!r} is used more than once"
        if stage["name"] in FOLDERS:
            yield f"{key}.name: {stage['name']!r} is a folder of the results already"
        if "cell" in stage and "cells" in stage:
            yield f"{key}: has both cell, repeats of a unit, and cells, all of a range of atoms"
        elif "cells" in stage:
            if "unit" in stage:
                yield f"{key}.unit: {stage['unit']} goes with cell; cells are of primitive ones"
            yield from _cells_faults(f"{key}.cells", stage["cells"], configuration["elements"])
        elif "cell" not in stage:
            yield f"{key}: needs cell, repeats of a unit, or cells, all of a range of atoms"
        sampling = configuration["sampling"] | stage
        steps = round(1000 * sampling["duration"] / sampling["timestep"])
        if steps < sampling["samples"]:
            yield (
                f"sampling.samples: {sampling['samples']} is more than the {steps} steps of a walk "
                f"of stage {stage['name']!r}"
            )
    for element in configuration["elements"]:
        divisions = max(k_mesh(np.eye(3) * element["lattice_constant"], spacing))
        if divisions > MOST_K_POINTS:
            yield (
                f"dft.k_spacing: {spacing} 1/A makes {divisions} k-points along one lattice vector "
                f"of {element['symbol']}; 0.1 to 0.5 is usual"
            )


def _cells_faults(key: str, cells: Mapping, elements: Sequence[Mapping]) -> Iterator[str]:
    fewest, most = cells["atoms"]
    if fewest > most:
        yield f"{key}.atoms: {fewest} to {most} is no range; the lower end comes first"
        return
    own = dict.fromkeys(element["lattice"] for element in elements)
    known: dict[CanonicalForm, str] = {}
    for lattice in cells.get("lattices", own):
        if has_braces(lattice):
            yield f"{key}.lattices: {lattice} has braces, which Snakemake takes for wildcards"
            continue
        try:
            primitive = parent(lattice, elements[0] | UNKNOWN)
        except OSError as error:
            yield f"{key}.lattices: {lattice} is no lattice and cannot be read ({error.strerror})"
        except ValueError as error:
            yield f"{key}.lattices: {error}"
        else:
            sites = len(primitive)
            if not indices(sites, cells["atoms"]):
                yield (
                    f"{key}.atoms: none of {fewest} to {most} is a multiple of the {sites} atoms "
                    f"in a primitive cell of {lattice}"
                )
            same = known.setdefault(canonical_form(primitive), lattice)
            if same != lattice:
                yield f"{key}.lattices: {lattice} has the same crystal as {same}"


def _import_faults(configuration: Mapping) -> Iterator[str]:
    files = [entry["file"] for entry in configuration["imports"]]
    symbols = [element["symbol"] for element in configuration["elements"]]
    for place, entry in enumerate(configuration["imports"]):
        key, file = f"imports[{place}]", entry["file"]
        if files.count(file) > 1:
            yield f"{key}.file: {file} is listed more than once"
        yield from _labelled_file_faults(key, entry, symbols)
    if test := configuration["validation"].get("test"):
        if test["file"] in files:
            yield f"validation.test.file: {test['file']} is among imports, which are learnt from"
        yield from _labelled_file_faults("validation.test", test, symbols)


def _labelled_file_faults(key: str, entry: Mapping, symbols: Sequence[str]) -> Iterator[str]:
    file = entry["file"]
    if has_braces(file):
        yield f"{key}.file: {file} has braces, which Snakemake takes for wildcards; rename it"
        return
    try:
        file_format(file)
        with open(file, "rb"):
            pass
    except OSError as error:
        yield f"{key}.file: {file} cannot be read ({error})"
    except ValueError as error:
        yield f"{key}.file: {error}"
    given = entry["energies"] if isinstance(entry["energies"], Mapping) else {}
    if more := sorted(set(given) - set(symbols)):
        yield (
            f"{key}.energies: {', '.join(more)} is not among the campaign's elements, "
            f"{', '.join(symbols)}"
        )


def has_braces(file: str) -> bool:
    """Whether Snakemake would take a part of a file's name for a wildcard."""
    return "{" in file or "}" in file


def _validation_faults(configuration: Mapping) -> Iterator[str]:
    validation = configuration["validation"]
    for name in validation["dft"]:
        if name not in validation["properties"]:
            yield f"validation.dft: {name} is not among validation.properties"
    for element in configuration["elements"]:
        lattice = element["lattice"]
        if "elastic" in validation["dft"] and lattice in ("hcp", "diamond"):
            yield (
                f"validation.dft: elastic constants of {lattice} {element['symbol']} need atoms "
                "that relax in strained cells, which labels do not; leave elastic out"
            )
    for place, file in enumerate(validation["compare"]):
        yield from _baseline_faults(f"validation.compare[{place}]", file, configuration)
    yield from _dynamics_faults(validation["dynamic"], validation["dynamics"])


def _baseline_faults(key: str, file: str, configuration: Mapping) -> Iterator[str]:
    own = Path("results", configuration["run"]).resolve()
    if Path(file).resolve().is_relative_to(own):
        yield f"{key}: {file} is of this campaign, whose own potential is compared anyway"
        return
    try:
        read_potential_of(file, [element["symbol"] for element in configuration["elements"]])
    except OSError as error:
        yield f"{key}: {file} cannot be read ({error.strerror})"
    except ValueError as error:
        yield f"{key}: {error}"


def _dynamics_faults(asked: Sequence[str], dynamics: Mapping) -> Iterator[str]:
    duration, of_liquids = dynamics["duration"], {"structure", "diffusion"} & set(asked)
    if of_liquids and not dynamics["liquid"]:
        names = " and ".join(sorted(of_liquids))
        yield f"validation.dynamics.liquid: no temperature is given for {names}"
    if "density" in asked and not dynamics["solid"] + dynamics["liquid"]:
        yield "validation.dynamics: neither solid nor liquid has a temperature for the density"
    if of_liquids and duration < SHORTEST_RUN:
        yield (
            f"validation.dynamics.duration: {duration} ps must be at least {SHORTEST_RUN:g} for "
            "structure and diffusion of liquids"
        )
    low, high = dynamics["melting"].get("between", (0, 1))
    if low >= high:
        yield (
            f"validation.dynamics.melting.between: {low} to {high} is no range; the lower end "
            "comes first"
        )


def _audit_faults(configuration: Mapping) -> Iterator[str]:
    audit = configuration["audit"]
    if not audit:
        return
    low, high = audit.get("temperature", configuration["sampling"]["temperature"])
    if low > high:
        yield f"audit.temperature: {low} to {high} is no range; the lower end comes first"
    if audit["add"] and not audit["cut_outs"]:
        yield "audit.add: there is nothing to add; audit.cut_outs is 0"
    if audit["cut_outs"] and LEAST_AROUND * audit["cut_out_atoms"] > audit["atoms"]:
        yield (
            f"audit.cut_out_atoms: {audit['cut_out_atoms']} must be at most 1/{LEAST_AROUND} of "
            f"audit.atoms, which is {audit['atoms']}"
        )


def machine_faults(configuration: Mapping) -> list[str]:
    """List what the machine lacks to run a campaign, one line each."""
    return [
        *_program_faults(configuration),
        *_store_faults(configuration),
        *results_faults(Path("results") / configuration["run"]),
        *_plugin_faults(),
        *_engine_program_faults(configuration),
        *interface_faults(configuration),
    ]


def _engine_program_faults(configuration: Mapping) -> Iterator[str]:
    if configuration["engine"] == "mlip" and shutil.which(mlip.PROGRAM) is None:
        yield (
            f"{mlip.PROGRAM}: not on the PATH, and engine: mlip fits and selects by it; it is in "
            "conda-forge's package mlip: run with --sdm conda (envs/mlip.yaml), or 'conda install "
            "-c conda-forge mlip=3.0'"
        )


def interface_faults(configuration: Mapping) -> list[str]:
    """Say if walks have no LAMMPS with MLIP-3's pair style; no environment of ours brings one."""
    if configuration["sampling"]["pair_style"] != "mlip":
        return []
    wanted = "sampling.pair_style: mlip needs a LAMMPS with interface-lammps-mlip-3 (docs/mlip.md)"
    if shutil.which(mlip.LAMMPS) is None:
        return [f"{mlip.LAMMPS}: not on the PATH; {wanted}"]
    if not mlip.has_pair_style(mlip.LAMMPS):
        return [f"{mlip.LAMMPS}: has no pair style mlip; {wanted}"]
    return []


def image_faults(image: Path, configuration: Mapping) -> list[str]:
    """Say if there is no image for jobs to run in, or something is not in it."""
    faults = []
    if configuration["engine"] == "mlip":
        faults.append("engine: mlip: the image has no mlp; run with --sdm conda")
    if configuration["sampling"]["pair_style"] == "mlip":
        faults.append("sampling.pair_style: mlip: the image has no LAMMPS with it")
    if not image.exists():
        faults.append(
            f"{image}: not there; apptainer build {image.name} container/{image.stem}.def"
        )
    return faults


def cores_faults(configuration: Mapping, cores: int) -> list[str]:
    """Say if a label is to have more cores than the campaign has on this machine."""
    wanted = configuration["dft"]["cores"]
    if wanted <= cores or configuration["dft"]["command"] is None:
        return []
    return [f"dft.cores: a label is to have {wanted} cores, and snakemake has --cores {cores}"]


def _program_faults(configuration: Mapping) -> Iterator[str]:
    cure = "run 'make setup' and activate .venv, or use conda"
    for program in _label_programs(configuration):
        if shutil.which(program) is None:
            yield (
                f"{program}: not on the PATH; {cure}; or, if the label store has all labels, set "
                "dft.command: null"
            )
    for program in ("lmp", "setpriv", "timeout"):
        if shutil.which(program) is None:
            yield f"{program}: not on the PATH; {cure if program == 'lmp' else CURES[program]}"


def _label_programs(configuration: Mapping) -> list[str]:
    """Programs that labels take, none if they all come from the store."""
    command = configuration["dft"]["command"]
    if command is None:
        return []
    programs = [command]
    if configuration["dft"]["cores"] > 1:
        programs.append(mpirun(command) or "mpirun")
    if any(e["pseudopotential"].endswith(DECK_SUFFIX) for e in configuration["elements"]):
        programs.append("ld1.x")
    return list(dict.fromkeys(programs))


def _store_faults(configuration: Mapping) -> Iterator[str]:
    store = Path(configuration["labels"]["store"])
    if configuration["dft"]["command"] is None:
        if not store.is_dir():
            yield (
                f"labels.store: there is no folder {store}, but with dft.command: null all labels "
                "come from it"
            )
    elif store.exists() and not os.access(store, os.W_OK | os.X_OK):
        yield (
            f"labels.store: {store} cannot be written; to use what it has, set dft.command: null"
        )
    if other := of_later_release(store):
        yield f"labels.store: {other}"


def _plugin_faults() -> Iterator[str]:
    plugin = plugin_path()
    record = plugin.with_suffix(".version")
    if not plugin.exists() or not record.exists():
        yield f"{plugin}: the LAMMPS plugin is not built; run 'make plugin'"
        return
    built_for, installed = record.read_text().strip(), version("lammps")
    if built_for != installed:
        yield (
            f"{plugin}: built for LAMMPS {built_for}, but LAMMPS {installed} is installed; "
            "run 'make plugin'"
        )
