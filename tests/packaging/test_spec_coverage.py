"""Every section of the specified language has a test that names it."""

from __future__ import annotations

from tests.spec_report import cited, needs_test, read_sections, unknown_citations, with_tests


def test_no_section_is_without_a_test() -> None:
    lacking = [
        f"{section.chapter} {section.number} {section.title}"
        for section in with_tests()
        if needs_test(section) and not section.tests
    ]
    assert not lacking


def test_no_citation_names_a_section_that_does_not_exist() -> None:
    assert not unknown_citations()


def test_the_report_reads_the_chapters() -> None:
    sections = {(item.chapter, item.number): item for item in read_sections()}
    retry = sections["10", "7.2"]
    assert retry.title == "`retry_policy`"
    assert retry.rule_rows == 5
    assert needs_test(retry)
    assert not needs_test(sections["12", "1"])


def test_citations_come_in_several_forms() -> None:
    assert cited("(spec 10 section 7.2)") == {("10", "7.2")}
    assert cited("spec 11 sections 7.2 and 7.4, spec 10 6.3)") == {
        ("11", "7.2"),
        ("11", "7.4"),
        ("10", "6.3"),
    }
    assert cited("spec 10 sections 3, 4 and\n# 5.") == {("10", "3"), ("10", "4"), ("10", "5")}
    assert cited("spec 11 sections 6 to 8") == {("11", "6"), ("11", "7"), ("11", "8")}
    assert cited("spec 10 is exact") == set()
