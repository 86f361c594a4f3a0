"""Benchmarks that write to one page leave each other's parts alone."""

from benchmarks.pages import write_part


def test_a_part_replaces_its_own_and_no_other(tmp_path):
    page = tmp_path / "page.md"
    write_part(page, "# One\n\n## a\n1\n")
    write_part(page, "# Two\n2\n")
    write_part(page, "# One\n\n## b\n3\n")
    assert page.read_text() == "# One\n\n## b\n3\n\n# Two\n2\n"
