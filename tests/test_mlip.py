"""MLIP-3 as the other engine: what it is told, what it leaves, and, where it is installed, itself.

What `mlp` is told is held to the words of its own help (`mlp help train` and so on, MLIP-3 as of
2023). Where it is not on the PATH, the tests that run it are skipped and say so; the other side of
the exchange of files is motep's then.
"""

import copy
import shutil
from dataclasses import replace

import numpy as np
import pytest
import yaml
from conftest import REPOSITORY
from motep.io.mlip.cfg import write_cfg as motep_write_cfg
from motep.io.mlip.mtp import read_mtp as motep_read_mtp
from random_potentials import labelled, random_potential, random_structures, with_noise
from test_sampling import SAMPLING, WALL, draw

from smallcell import mlip
from smallcell.candidates import gather
from smallcell.configuration import (
    engine_faults,
    image_faults,
    interface_faults,
    machine_faults,
    schema_faults,
)
from smallcell.engine import graded_rows, with_active_set
from smallcell.errors import errors
from smallcell.fitting import CLOSEST_MARGIN, shortest_distance
from smallcell.learning import _loss, extending, learn, mlp_start
from smallcell.loss import Weights
from smallcell.potential import potential_text, read_potential, write_potential
from smallcell.refit import refit
from smallcell.sampling import (
    POTENTIAL,
    WalkFate,
    provide,
    run_lammps,
    thermo_rows,
    walk,
    write_walk,
)
from smallcell.selection import grades, select

with_mlp = pytest.mark.skipif(
    shutil.which(mlip.PROGRAM) is None, reason="MLIP-3's mlp is not on the PATH (conda-forge: mlip)"
)
with_interface = pytest.mark.skipif(
    shutil.which(mlip.LAMMPS) is None or not mlip.has_pair_style(mlip.LAMMPS),
    reason="no lmp_mpi with MLIP-3's pair style is on the PATH",
)
MODES = ["configuration", "neighbourhood"]
FORM = {"level": 6, "cutoff": 7.0, "radial_basis_size": 8, "grade": "configuration"}
SCHEMA = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
RIGHT = {
    "run": "by-mlip",
    "engine": "mlip",
    "elements": [
        {"symbol": symbol, "lattice": "bcc", "lattice_constant": 5, "pseudopotential": "x.UPF"}
        for symbol in ("K", "Na")
    ],
    "dft": {"ecutwfc": 30, "ecutrho": 180, "k_spacing": 0.3},
    "fit": {"weights": {"convention": "mlip", "force": 0.01}, "members": 0, "iterations": 500},
    "sampling": {"pair_style": "mlip", "grade_every": 1, "swap_every": 0},
    "selection": {"prefer": "largest grade"},
    "stages": [{"name": "two", "cell": [1, 1, 1]}],
}


@pytest.fixture(scope="module")
def potential():
    return random_potential(("K",), level=6, seed=1)


@pytest.fixture(scope="module")
def structures(potential):
    return labelled(random_structures(("K",), 30, seed=2), potential)


@pytest.fixture(scope="module")
def strange():
    """Structures that the others do not span."""
    found = random_structures(("K",), 12, seed=3)
    for atoms in found:
        atoms.set_cell(0.9 * atoms.cell, scale_atoms=True)
    return found


@pytest.mark.parametrize(("convention", "scalings"), [("mlip", ("1", "0")), ("motep", ("2", "1"))])
@pytest.mark.parametrize(("mode", "word"), [("configuration", "cfg"), ("neighbourhood", "nbh")])
def test_mlp_is_told_to_train(convention, scalings, mode, word):
    command = mlip.train_command(Weights(1, 0.01, 0.001, convention), 300, mode)
    assert command == [
        "mlp",
        "train",
        "start.mtp",
        "train.cfg",
        "--save_to=trained.almtp",
        "--energy_weight=1",
        "--force_weight=0.01",
        "--stress_weight=0.001",
        f"--weight_scaling={scalings[0]}",
        f"--weight_scaling_forces={scalings[1]}",
        "--iteration_limit=300",
        "--init_random=false",
        f"--al_mode={word}",
    ]


def test_mlp_is_told_to_grade_and_to_select():
    assert " ".join(mlip.grade_command()) == (
        "mlp calculate_grade known.almtp candidates.cfg graded.cfg"
    )
    assert " ".join(mlip.select_command()) == (
        "mlp select_add known.almtp train.cfg candidates.cfg selected.cfg"
    )


def test_a_start_from_scratch_has_no_coefficients(structures, tmp_path):
    """As the templates have none that come with MLIP-3: by that it knows where to begin."""
    text = mlp_start(structures, None, ("K",), FORM)
    keys = [line.partition("=")[0].strip() for line in text.splitlines()]
    assert keys == [
        "MTP",
        "version",
        "potential_name",
        "species_count",
        "potential_tag",
        "radial_basis_type",
        "min_dist",
        "max_dist",
        "radial_basis_size",
        "radial_funcs_count",
        "alpha_moments_count",
        "alpha_index_basic_count",
        "alpha_index_basic",
        "alpha_index_times_count",
        "alpha_index_times",
        "alpha_scalar_moments",
        "alpha_moment_mapping",
    ]
    (tmp_path / "start.mtp").write_text(text)
    found = motep_read_mtp(tmp_path / "start.mtp")
    assert (found.species_count, found.radial_funcs_count) == (1, 2)
    assert (found.radial_basis.size, found.radial_basis.max) == (8, 7.0)
    assert len(found.alpha_moment_mapping) == 5


def test_a_start_from_the_batch_before_is_that_potential_where_mlp_puts_its_radial_basis(
    potential, structures, tmp_path
):
    (tmp_path / "start.mtp").write_text(mlp_start(structures, potential, ("K",), FORM))
    start = read_potential(tmp_path / "start.mtp")
    assert start.closest != potential.closest
    assert start.closest == CLOSEST_MARGIN * min(map(shortest_distance, structures))
    found = errors(start, structures)
    assert max(found.energy, found.force) < 1e-9


def test_an_element_that_is_missing_is_refused_before_mlp_has_its_say(structures):
    with pytest.raises(ValueError, match="no configuration of the training set contains Na"):
        mlp_start(structures, None, ("K", "Na"), FORM)


@pytest.mark.parametrize(
    "names", [["graded.cfg"], ["graded.cfg.0", "graded.cfg.1"], ["graded.cfg_0", "graded.cfg_1"]]
)
def test_what_mlp_writes_is_read_whatever_number_of_processes_wrote_it(tmp_path, structures, names):
    """motep stands in for mlp as the writer."""
    shares = np.array_split(np.arange(4), len(names))
    for name, share in zip(names, shares, strict=True):
        with open(tmp_path / name, "w") as file:
            motep_write_cfg(file, [structures[place] for place in share], species=["K"])
    (tmp_path / "graded.cfg.log").write_text("not a configuration\n")
    found = mlip.read_written(tmp_path / "graded.cfg", ("K",))
    assert len(found) == 4
    for atoms, expected in zip(found, structures, strict=False):
        np.testing.assert_allclose(atoms.positions, expected.positions, atol=1e-6)
        assert atoms.get_potential_energy() == pytest.approx(expected.get_potential_energy())


def test_a_frame_that_lammps_left_half_written_is_left_out(structures, tmp_path):
    mlip.write_cfg(tmp_path / "preselected.cfg", structures[:3], ("K",))
    text = (tmp_path / "preselected.cfg").read_text()
    (tmp_path / "preselected.cfg").write_text(text[: text.rindex("END_CFG")])
    found = mlip.saved_frames(tmp_path, ("K",))
    assert [len(atoms) for atoms in found] == [len(atoms) for atoms in structures[:2]]
    (tmp_path / "preselected.cfg").unlink()
    assert mlip.saved_frames(tmp_path, ("K",)) == []


PRE_TRAINING = """\
Pre-training started
MTPR training started on 1 core(s)
BFGS iter 73: f=0.5
BFGS iter 74: f=0.4
step limit reached
MTPR training ended
Pre-training ended
MTPR training started on 1 core(s)
BFGS iter 0: f=0.4
BFGS iter 1: f=0.3
"""
"""As mlp's source has it; not taken from a run."""


@pytest.mark.parametrize(
    ("end", "converged"),
    [("BFGS ended due to small decr. in 50 iterations\n", True), ("step limit reached\n", False)],
)
def test_a_limit_in_the_pre_training_is_no_limit(end, converged):
    assert mlip.progress(f"{PRE_TRAINING}{end}MTPR training ended\n") == (2, converged)


def test_a_program_that_leaves_nothing_has_failed(tmp_path):
    with pytest.raises(RuntimeError, match="true ended with status 0"):
        mlip.run(["true"], tmp_path, "graded.cfg")
    with pytest.raises(RuntimeError, match="status 2: .*no-such-file"):
        mlip.run(["ls", "no-such-file"], tmp_path, "graded.cfg")


def test_the_built_in_engine_is_what_it_was(potential, structures, strange):
    """Fit, active set and selection by the same functions as ever, to the bit."""
    settings = {"weights": {}, "ridges": [1e-6], "starts": 0, "energy_scale": None}
    configuration = {"potential": FORM, "fit": settings | {"iterations": 5}}
    arguments = (structures, potential, ("K",))
    found = learn(*arguments, configuration | {"engine": "built-in"}, seed=1, threads=1)
    expected = refit(*arguments, configuration, seed=1, threads=1)
    assert potential_text(found.potential) == potential_text(expected.potential)
    known = with_active_set(expected.potential, structures, "configuration")
    np.testing.assert_array_equal(found.potential.active_set, known.active_set)
    # The loss that a fit by mlp is given is the one that a fit of ours has.
    assert _loss(potential, structures, Weights(), 1) == pytest.approx(0, abs=1e-12)
    off = with_noise(structures, seed=4)
    by_fit = refit(off, potential, ("K",), configuration, seed=1, threads=1)
    assert _loss(by_fit.potential, off, Weights(), 1) == pytest.approx(by_fit.loss, rel=1e-6)
    frames = gather(known, [strange], 0)
    chosen = extending("built-in", known, [], frames, {"threshold": 2.1, "at_most": 3}, None)
    np.testing.assert_array_equal(chosen, select(known.active_set, frames.rows, 2.1, 3))
    assert len(chosen) == 3


def test_the_pair_style_is_told_both_thresholds_and_where_to_save():
    style, coefficients = mlip.pair_style("potential.almtp", 2.1, 10)
    assert style.split() == [
        "pair_style",
        "mlip",
        "load_from=potential.almtp",
        "extrapolation_control=true",
        "extrapolation_control:threshold_save=2.1",
        "extrapolation_control:threshold_break=10",
        "extrapolation_control:save_extrapolative_to=preselected.cfg",
    ]
    assert coefficients == "pair_coeff * *"


def test_but_for_its_pair_style_lammps_takes_the_input_of_such_a_walk(potential, tmp_path):
    """The lmp of the environment has no pair style mlip: this repository's stands in its place."""
    write_potential(tmp_path / POTENTIAL, replace(potential, linear=0.001 * potential.linear))
    changes = {"pair_style": "mlip", "grade_every": 1, "samples": 2}
    write_walk(tmp_path, draw(), SAMPLING | changes, ["K"], WALL)
    script = (tmp_path / "in.walk").read_text()
    style = mlip.pair_style(POTENTIAL, SAMPLING["save_above"], SAMPLING["stop_above"])
    assert "\n".join(style) in script
    assert "lennard/mdf" not in script
    status, log = run_lammps(tmp_path, "in.walk")
    assert status != 0
    assert "Unrecognized pair style 'mlip'" in log
    ours = ["pair_style mtp", f"pair_coeff * * {POTENTIAL} 0"]
    (tmp_path / "in.walk").write_text(script.replace("\n".join(style), "\n".join(ours)))
    status, log = run_lammps(tmp_path, "in.walk")
    assert status == 0, log
    assert thermo_rows(log, 5)[-1, 0] == 1000 * SAMPLING["duration"]


def test_a_lammps_without_the_pair_style_is_told_from_one_that_has_it():
    assert not mlip.has_pair_style("lmp")
    assert not mlip.has_pair_style("no-such-lammps")


def test_a_configuration_for_mlip_has_no_fault():
    assert schema_faults(RIGHT, SCHEMA) == []
    assert engine_faults(RIGHT) == []


@pytest.mark.parametrize(
    ("section", "changes", "words"),
    [
        ("fit", {"ridges": [1e-6]}, "fit.ridges: [1e-06] means nothing to mlp"),
        ("fit", {"starts": 3}, "fit.starts: 3 means nothing to mlp"),
        ("fit", {"energy_scale": 0.1}, "fit.energy_scale: 0.1 means nothing to mlp"),
        ("fit", {"members": 4}, "fit.members: mlp fits no ensemble (engine: mlip), not of 4"),
        ("fit", {"weights": {}}, "fit.weights.convention: the default, size, is none that mlp"),
        (
            "fit",
            {"weights": {"convention": "mlip", "force_scale": 1}},
            "fit.weights.force_scale: 1 means nothing",
        ),
        ("selection", {"prefer": "cheapest"}, "selection.prefer: cheapest is not for mlp"),
        ("sampling", {"grade_every": 5}, "sampling.grade_every: 5 is not for MLIP-3's pair style"),
        ("sampling", {"swap_every": 9}, "sampling.swap_every: 9 is not for MLIP-3's pair style"),
    ],
)
def test_what_mlip_would_ignore_is_refused_in_one_line(section, changes, words):
    config = copy.deepcopy(RIGHT)
    config[section] |= changes
    assert schema_faults(config, SCHEMA) == []
    (fault,) = engine_faults(config)
    assert fault.startswith(words)
    assert "\n" not in fault
    # Of the engine and pair style of this repository all of it is right.
    config["engine"], config["sampling"]["pair_style"] = "built-in", "mtp"
    assert engine_faults(config) == []


def test_weights_of_imports_and_defaults_that_mlip_ignores_are_refused_too():
    imported = RIGHT | {"imports": [{"file": "a.cfg", "energies": "relative", "weight": 2}]}
    (fault,) = engine_faults(imported)
    assert fault.startswith("imports[0].weight: 2 must be 1 for mlp")
    bare = {key: value for key, value in RIGHT.items() if key not in ("fit", "selection")}
    keys = [fault.partition(":")[0] for fault in engine_faults(bare)]
    assert keys == ["fit.weights.convention", "fit.members", "selection.prefer"]


@pytest.fixture
def filled(monkeypatch, tmp_path) -> dict:
    """The quickstart with defaults, for MLIP-3, on a machine with nothing on its PATH."""
    from snakemake.utils import validate

    monkeypatch.chdir(REPOSITORY)
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    validate(config, schema=str(REPOSITORY / "config/schemas/config.schema.yaml"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return config


def test_a_machine_without_mlp_is_told_what_is_missing_and_where_it_is(filled):
    without = machine_faults(filled)
    more = machine_faults(filled | {"engine": "mlip"})
    (fault,) = [fault for fault in more if fault not in without]
    assert fault.startswith("mlp: not on the PATH")
    assert "conda-forge's package mlip" in fault
    assert "envs/mlip.yaml" in fault
    assert "\n" not in fault


def test_a_machine_without_the_interface_is_told_so(filled):
    assert interface_faults(filled) == []
    sampling = filled["sampling"] | {"pair_style": "mlip"}
    (fault,) = interface_faults(filled | {"sampling": sampling})
    assert fault.startswith("lmp_mpi: not on the PATH; sampling.pair_style: mlip needs")


def test_the_image_has_nothing_of_mlip(filled, tmp_path):
    image = tmp_path / "small-cell.sif"
    image.touch()
    assert image_faults(image, filled) == []
    (fault,) = image_faults(image, filled | {"engine": "mlip"})
    assert fault == "engine: mlip: the image has no mlp; run with --sdm conda"


def test_the_environment_with_mlp_is_that_of_the_fit_and_mlp():
    own, other = (
        yaml.safe_load((REPOSITORY / f"envs/{name}.yaml").read_text()) for name in ("mlip", "fit")
    )
    assert own["dependencies"] == ["mlip ==3.0", *other["dependencies"]]
    assert own["channels"] == other["channels"]
    scripts = [(REPOSITORY / f"envs/{name}.post-deploy.sh").read_text() for name in ("mlip", "fit")]
    assert scripts[0].replace("mlip.yaml", "fit.yaml") == scripts[1]


# What follows runs mlp itself.


@pytest.fixture(scope="module", params=MODES)
def trained(request, structures):
    """A potential of level 6 that mlp has fitted to structures of one."""
    configuration = {
        "engine": "mlip",
        "potential": FORM | {"grade": request.param},
        "fit": {
            "weights": {"energy": 1, "force": 0.01, "stress": 0.001, "convention": "mlip"},
            "iterations": 300,
        },
    }
    return learn(structures, None, ("K",), configuration, 1, 1), configuration


@with_mlp
def test_mlp_trains_a_potential_with_its_active_set(trained, structures, tmp_path):
    found, configuration = trained
    assert found.potential.species == ("K",)
    assert found.potential.grade_mode == configuration["potential"]["grade"]
    assert found.potential.active_set.shape == (found.potential.n_parameters,) * 2
    assert 0 < found.iterations <= 300
    forces = np.concatenate([atoms.get_forces().ravel() for atoms in structures])
    assert errors(found.potential, structures).force < 0.3 * np.sqrt(np.mean(forces**2))
    write_potential(tmp_path / "a.almtp", found.potential)
    again = read_potential(tmp_path / "a.almtp")
    np.testing.assert_array_equal(again.active_set, found.potential.active_set)


@with_mlp
def test_mlp_goes_on_from_a_potential(trained, structures):
    found, configuration = trained
    again = learn(structures, found.potential, ("K",), configuration, 1, 1)
    assert again.loss <= 1.05 * found.loss


@with_mlp
def test_mlp_gives_the_same_bits_again(trained, structures):
    found, configuration = trained
    again = learn(structures, None, ("K",), configuration, 1, 1)
    assert potential_text(again.potential) == potential_text(found.potential)


def ours(potential, candidates):
    """Grades by this repository's kernel, and of which structure each row is."""
    rows, owners = graded_rows(potential, candidates, potential.grade_mode)
    return grades(rows, potential.active_set, owners)


@with_mlp
def test_grades_of_mlp_and_ours_agree_by_its_active_set(trained, structures, strange):
    candidates = [*structures, *strange]
    potential = trained[0].potential
    found = mlip.grades(potential, candidates)
    np.testing.assert_allclose(found, ours(potential, candidates), rtol=1e-6, atol=1e-6)


@with_mlp
@pytest.mark.parametrize("mode", MODES)
def test_grades_of_mlp_and_ours_agree_by_our_active_set(potential, structures, strange, mode):
    known = with_active_set(potential, structures, mode)
    found = mlip.grades(known, strange)
    np.testing.assert_allclose(found, ours(known, strange), rtol=1e-6, atol=1e-6)


@with_mlp
def test_energies_of_mlp_and_ours_agree(trained, structures, tmp_path):
    """By the one of its commands that no campaign needs."""
    potential = trained[0].potential
    write_potential(tmp_path / "a.mtp", potential)
    expected = labelled(structures, potential)
    mlip.write_cfg(tmp_path / "in.cfg", structures, ("K",))
    command = ["mlp", "calculate_efs", "a.mtp", "in.cfg", "--output_filename=out.cfg"]
    mlip.run(command, tmp_path, "out.cfg")
    found = mlip.read_written(tmp_path / "out.cfg", ("K",))
    assert len(found) == len(structures)
    for one, other in zip(found, expected, strict=True):
        assert one.get_potential_energy() == pytest.approx(other.get_potential_energy(), abs=1e-6)
        np.testing.assert_allclose(one.get_forces(), other.get_forces(), atol=1e-5)
        np.testing.assert_allclose(one.get_stress(), other.get_stress(), atol=1e-6)


@with_mlp
def test_what_mlp_selects_extends_the_training_set(trained, structures, strange):
    potential = trained[0].potential
    before = ours(potential, strange)
    chosen = mlip.select(potential, structures, strange, at_most=20)
    assert 0 < len(chosen) <= len(strange)
    assert len(set(chosen)) == len(chosen)
    assert before.max() > 2.1
    taken = [*structures, *(strange[number] for number in chosen)]
    after = ours(with_active_set(potential, taken, potential.grade_mode), strange)
    assert after.max() < min(2.1, before.max())


@with_mlp
def test_of_too_many_those_of_the_highest_grades_are_kept(trained, structures, strange):
    potential = trained[0].potential
    many = mlip.select(potential, structures, strange, at_most=20)
    assert len(many) > 1
    (one,) = mlip.select(potential, structures, strange, at_most=1)
    known = ours(potential, strange)
    assert known[one] == pytest.approx(known[many].max(), rel=1e-6)


@with_interface
def test_a_walk_by_mlips_pair_style_saves_frames_and_stops(sound_potential, tmp_path):
    provide(tmp_path, sound_potential.file)
    changes = {"pair_style": "mlip", "grade_every": 1, "samples": 2, "duration": 1}
    low = {"save_above": 1e-3, "stop_above": 1e-2}
    write_walk(tmp_path, draw(), SAMPLING | changes | low, ["K"], WALL)
    done = walk(tmp_path, ["K"], "mlip")
    assert done.fate == WalkFate.STOPPED
    known = ours(sound_potential.potential, done.frames)
    assert len(known) >= 1
    assert known.max() > 1e-2


@with_interface
def test_forces_of_mlips_pair_style_and_ours_agree(sound_potential, tmp_path):
    provide(tmp_path, sound_potential.file)
    records = []
    for style, program in (("mlip", mlip.LAMMPS), ("mtp", "lmp")):
        changes = {"pair_style": style, "grade_every": 1, "save_above": 1e6, "stop_above": 1e7}
        write_walk(tmp_path, draw(), SAMPLING | changes, ["K"], sound_potential.wall)
        _, log = run_lammps(tmp_path, "in.walk", program=program)
        records.append(thermo_rows(log, 5 if style == "mlip" else 6)[:, :5])
    # Pressure and energy, at the first step and after some of both.
    np.testing.assert_allclose(records[0][0], records[1][0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(records[0][5], records[1][5], rtol=1e-3, atol=1e-3)
