"""Every promise, fault and number names tests that there are."""

import re

from conftest import REPOSITORY

PAGE = (REPOSITORY / "docs/guarantees.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]


def test_every_promise_names_a_test_that_is_there():
    promises = [row for row in ROWS if not re.match(r"\| (promise|cause|number) \|", row)]
    assert len(promises) > 50
    for row in promises:
        named = re.findall(r"`((?:workflow/)?test_\w+\.py)::(test_\w+)`", row)
        assert named, row
        for file, test in named:
            source = (REPOSITORY / "tests" / file).read_text()
            assert re.search(rf"^def {test}\(", source, re.MULTILINE), f"{file}::{test}"
