"""The lock file, the conda environments and the rules that name them agree."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
CONDA_FILES = [ROOT / "environment.yaml", *sorted((ROOT / "envs").glob("*.yaml"))]
RULE_FILES = [*ROOT.glob("Snakefile"), *sorted((ROOT / "rules").glob("*.smk"))]
NAMES = {"yaml": "pyyaml"}
"""Packages that are not called what they are imported as."""

SUPPORTED_PYTHON = SpecifierSet(">=3.11,<3.14")


def locked_versions() -> dict[str, str]:
    """Version of each package of requirements.lock."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.M)
    return dict(pins)


def conda_requirements(path: Path) -> dict[str, Requirement]:
    """Requirements of a conda file, its pip section included, by name."""
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    lines = [line for line in dependencies if isinstance(line, str)]
    for section in dependencies:
        if isinstance(section, dict):
            lines += [line for line in section["pip"] if not line.startswith("-r ")]
    requirements = map(Requirement, lines)
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def conda_directives() -> list[tuple[Path, str]]:
    """Each file that a rule names by `conda:`, with the rule file it stands in."""
    pattern = re.compile(r"""^\s+conda:\s+["']([^"']+)["']""", re.M)
    return [(path, name) for path in RULE_FILES for name in pattern.findall(path.read_text())]


def scripts_and_environments() -> list[tuple[Path, Path]]:
    """Script and conda file of each rule that has both."""
    pairs = []
    for path in RULE_FILES:
        for rule in re.split(r"^(?:rule|checkpoint) ", path.read_text(), flags=re.M)[1:]:
            conda = re.search(r"""conda:\s+["']([^"']+)["']""", rule)
            script = re.search(r"""script:\s+["']([^"']+)["']""", rule)
            if conda and script:
                pairs.append((path.parent / script[1], path.parent / conda[1]))
    return [(script.resolve(), conda.resolve()) for script, conda in pairs]


def executed_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a module but those under `if TYPE_CHECKING:`, which no run imports."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from executed_nodes(node)


def imported_packages(path: Path) -> set[str]:
    """Packages, neither the library nor Python's own, that a file and its imports name."""
    packages, waiting, seen = set(), [path], set()
    while waiting:
        file = waiting.pop()
        seen.add(file)
        for node in executed_nodes(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                module = ROOT / (name.replace(".", "/") + ".py")
                if module.exists() and module not in seen:
                    waiting.append(module)
                package = name.partition(".")[0]
                packages.add(NAMES.get(package, package))
    return packages - {"smallcell"} - set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("script", "conda"), scripts_and_environments(), ids=lambda path: path.name
)
def test_an_environment_has_what_its_scripts_import(script, conda):
    compiled = set()
    after = conda.with_suffix(".post-deploy.sh")
    if after.exists() and "make --silent -C kernel" in after.read_text():
        compiled = {"mtp_kernel"}
    assert imported_packages(script) <= set(conda_requirements(conda)) | compiled


def test_lock_has_every_requirement_with_hashes_and_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    versions = locked_versions()
    for line in (ROOT / "requirements.in").read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            requirement = Requirement(text)
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])
    assert len(re.findall(r"^\S+==.*\\\n    --hash=sha256:", lock, re.M)) == len(versions)
    assert "://" not in lock
    assert not re.search(r"^(--index|--extra|--find|-[if] )|(^|\s)/", lock, re.M)


@pytest.mark.parametrize("path", CONDA_FILES, ids=lambda path: path.name)
def test_conda_file_agrees_with_lock(path):
    requirements = conda_requirements(path)
    locked = locked_versions()
    assert requirements["python"].specifier == SUPPORTED_PYTHON
    shared = requirements.keys() & locked.keys()
    pins = {name: str(requirements[name].specifier) for name in shared}
    assert pins == {name: f"=={locked[name]}" for name in shared}


def test_one_environment_installs_the_lock():
    dependencies = yaml.safe_load((ROOT / "environment.yaml").read_text())["dependencies"]
    assert {"pip": ["-r requirements.lock"]} in dependencies


def test_rules_name_existing_environments():
    directives = conda_directives()
    if not directives:
        pytest.skip("no rule names a conda environment")
    missing = [
        f"{rule_file.name}: {name}"
        for rule_file, name in directives
        if not (rule_file.parent / name).is_file()
    ]
    assert missing == []


@pytest.mark.skipif(shutil.which("conda") is None, reason="conda is not on this machine")
@pytest.mark.parametrize("path", CONDA_FILES, ids=lambda path: path.name)
def test_conda_solves_environment(path):
    command = ["conda", "env", "create", "--dry-run", "--name", "dry-run", "--file", str(path)]
    solved = subprocess.run(command, capture_output=True, text=True)
    assert solved.returncode == 0, solved.stderr


def rules() -> list[tuple[str, str]]:
    """Name and text of each rule that runs something."""
    found = []
    for path in RULE_FILES:
        for rule in re.split(r"^\s*(?:rule|checkpoint) ", path.read_text(), flags=re.M)[1:]:
            if re.search(r"^\s+(script|shell|run):", rule, re.M):
                found.append((rule.partition(":")[0], rule))
    return found


@pytest.mark.parametrize(("name", "text"), rules(), ids=[name for name, _ in rules()])
def test_a_rule_names_its_environment_and_its_log(name, text):
    assert re.search(r"^\s+conda:$", text, re.M)
    assert re.search(r"^\s+log:$", text, re.M)


BUILDING = {"python", "cxx-compiler", "make", "pip"}
"""What compiles and installs; no result depends on its version."""


@pytest.mark.parametrize("path", CONDA_FILES, ids=lambda path: path.name)
def test_a_conda_file_pins_whatever_results_depend_on(path):
    loose = [
        name
        for name, requirement in conda_requirements(path).items()
        if not str(requirement.specifier).startswith("==")
    ]
    assert set(loose) <= BUILDING


def test_the_image_has_what_the_set_up_needs():
    recipe = (ROOT / "container/small-cell.def").read_text()
    files = re.search(r"^%files\n((?:    .*\n)+)", recipe, re.M)[1].split()[::2]
    needed = re.findall(r"-C (\w+)|(requirements\.lock)", (ROOT / "install.sh").read_text())
    assert set(files) == {"install.sh", *map("".join, needed)}
    assert all((ROOT / name).exists() for name in files)
    assert "./install.sh\n" in recipe
