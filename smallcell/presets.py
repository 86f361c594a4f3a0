"""Presets: settings of pw.x with a measured error and cost, under a name."""

from collections.abc import Mapping

CUTOFFS = ("ecutwfc", "ecutrho")
"""What a preset has for each element; a campaign takes the highest of its elements."""


def preset_faults(configuration: Mapping, presets: Mapping) -> list[str]:
    """Say in a line each why the preset that a configuration names does not fit it.

    Parameters
    ----------
    configuration : Mapping
        As the user wrote it; what the schema will find fault with is passed over.
    presets : Mapping
        Contents of ``config/presets.yaml``.
    """
    preset = _named(configuration, presets)
    if preset is None:
        return []
    name, faults = configuration["dft"]["preset"], []
    missing = [f"dft.{key}" for key in CUTOFFS if key not in configuration["dft"]]
    for place, element in enumerate(configuration["elements"]):
        key, symbol = f"elements[{place}]", element.get("symbol")
        if symbol not in preset["elements"]:
            faults.append(
                f"dft.preset: {name!r} is made for {', '.join(preset['elements'])}, not for "
                f"{symbol} ({key}); give the keys of dft one by one"
            )
            continue
        own = preset["elements"][symbol]["pseudopotential"]
        if missing and element.get("pseudopotential", own) != own:
            faults.append(
                f"{key}.pseudopotential: the cut-offs of dft.preset {name!r} are those of {own}, "
                f"not of {element['pseudopotential']}; give {' and '.join(missing)}, or leave the "
                "pseudopotential out"
            )
    return faults


def with_preset(configuration: Mapping, presets: Mapping) -> dict:
    """Copy of a configuration with the keys that its preset knows and the user did not give."""
    preset = _named(configuration, presets)
    if preset is None or preset_faults(configuration, presets):
        return dict(configuration)
    elements = [
        {"pseudopotential": preset["elements"][element["symbol"]]["pseudopotential"], **element}
        for element in configuration["elements"]
    ]
    cutoffs = {
        key: max(preset["elements"][element["symbol"]][key] for element in elements)
        for key in CUTOFFS
    }
    return {
        **configuration,
        "elements": elements,
        "dft": {**preset["dft"], **cutoffs, **configuration["dft"]},
    }


def _named(configuration: Mapping, presets: Mapping) -> Mapping | None:
    """Return the preset of a configuration that is sound enough to have one."""
    dft, elements = configuration.get("dft"), configuration.get("elements")
    sound = isinstance(dft, Mapping) and isinstance(elements, list)
    if not sound or not all(isinstance(element, Mapping) for element in elements):
        return None
    return presets.get(dft.get("preset")) if isinstance(dft.get("preset"), str) else None
