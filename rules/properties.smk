# Static properties: each is a rule of its own, those that `validation.properties` names are asked for.


rule property_structures:
    """What pw.x is to compute for a property, if it is asked to, at its own lattice constant."""
    input:
        seeds="<results>/seeds/train.extxyz",
    output:
        "<results>/validation/{property}/structures.extxyz",
    log:
        "<logs>/validation/{property}/structures.log",
    wildcard_constraints:
        property="|".join(PROPERTIES),
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        seed=config["seed"],
        lattices=LATTICE_OF,
        k_spacing=config["dft"]["k_spacing"],
    script:
        "../scripts/property_structures.py"


rule lattices:
    """Energies of bcc, fcc, hcp and the element's own lattice, each at its best volume."""
    input:
        potential=final("potential.almtp"),
        equation_of_state="<results>/validation/equation_of_state.json",
        structures=property_structures,
        labels=property_labels,
        references=property_references,
    output:
        report(
            "<results>/validation/{property}.csv",
            caption="../report/property.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/{property}.log",
    wildcard_constraints:
        property="lattices",
    conda:
        "../envs/fit.yaml"
    params:
        seed=config["seed"],
        lattices=LATTICE_OF,
        published=PUBLISHED,
        labels=config["labels"],
    script:
        "../scripts/property.py"


# Energies along the path of Bain, from bcc to fcc.
use rule lattices as bain with:
    wildcard_constraints:
        property="bain",


# C11, C12, C44, B and C' from the stress of strained crystals.
use rule lattices as elastic with:
    wildcard_constraints:
        property="elastic",


# Frequencies at the special points of the Brillouin zone.
use rule lattices as phonons with:
    wildcard_constraints:
        property="phonons",


# Formation energy of a vacancy.
use rule lattices as vacancy with:
    wildcard_constraints:
        property="vacancy",


# Energies of the surfaces of lowest index.
use rule lattices as surfaces with:
    wildcard_constraints:
        property="surfaces",


# Forces in cells of sixteen atoms that are displaced at random.
use rule lattices as forces with:
    wildcard_constraints:
        property="forces",


# Energies of ordered compounds, each at its best volume, and how far each is above the hull.
use rule lattices as compounds with:
    wildcard_constraints:
        property="compounds",
