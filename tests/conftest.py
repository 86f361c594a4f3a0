"""What tests share: the folder of the repository and pseudopotentials made by ld1.x."""

from pathlib import Path

import pytest

from smallcell.pseudopotentials import provide_upf

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def soft_potassium(tmp_path_factory) -> Path:
    """The UPF that ld1.x makes of the quickstart's deck."""
    upf = tmp_path_factory.mktemp("pseudopotentials") / "K.UPF"
    provide_upf(str(REPOSITORY / "config/pseudopotentials/K.soft.ld1"), None, upf)
    return upf
