# What pw.x and LAMMPS are asked to validate the potential.

from functools import cache

from smallcell.properties import subjects

# A set of the user's own, which nothing was trained on.
TEST = config["validation"].get("test")


def property_references(wildcards):
    """Input function: what labels of a static property are relative to, if pw.x is asked for any."""
    asked = wildcards.property in config["validation"]["dft"]
    return REFERENCES if asked else []


def property_structures(wildcards):
    """Input function: what pw.x is asked for a static property, nothing if it is not asked."""
    asked = wildcards.property in config["validation"]["dft"]
    return [f"{RESULTS}/validation/{wildcards.property}/structures.extxyz"] if asked else []


def property_labels(wildcards):
    """Input function: reports of the labels of a static property, none if they are not asked for."""
    if wildcards.property not in config["validation"]["dft"]:
        return []
    return [
        f"{RESULTS}/validation/{wildcards.property}/labels/{structure}.json"
        for structure in range(number_of_structures(wildcards.property))
    ]


@cache
def number_of_structures(name):
    """How many structures a static property has; no lattice constant changes that."""
    of_all = subjects(PROPERTIES[name], LATTICE_OF.values())
    return sum(len(PROPERTIES[name].structures(subject)) for subject in of_all)


def thermal_reports(states):
    """Reports of runs at constant pressure, at the temperatures that each state is asked for."""
    return [
        f"{RESULTS}/validation/thermal/{element}/{state}-{temperature:g}.json"
        for state in states
        for element in (LIQUIDS if state == "liquid" else ELEMENTS)
        for temperature in DYNAMICS[state]
    ]


def liquid_reports():
    """Reports of runs of the liquid in its own volume."""
    return [
        f"{RESULTS}/validation/liquid/{element}/{temperature:g}.json"
        for element in LIQUIDS
        for temperature in DYNAMICS["liquid"]
    ]
