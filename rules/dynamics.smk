# Dynamic properties of the potential: those that `validation.dynamic` names are asked for. Runs of
# molecular dynamics come first, each a job; properties are made from their reports.

import re

MEASURED = {key: DYNAMICS[key] for key in ("pressure", "atoms", "duration")}
MELT_AT = DYNAMICS.get("melt_at", config["sampling"]["temperature"][1])

ELEMENT_OR_MIXTURE = "|".join(map(re.escape, LIQUIDS))


wildcard_constraints:
    state="solid|liquid",
    temperature=r"\d+(?:\.\d+)?",
    number=r"\d+",


# All dynamic properties in one table.
use rule static_properties as dynamic_properties with:
    input:
        expand("<results>/validation/{property}.csv", property=DYNAMIC),
    output:
        report(
            "<results>/validation/dynamic.csv",
            caption="../report/dynamic.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/dynamic.log",
