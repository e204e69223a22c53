"""`docs/errors.md` has every code, and every code has a cure."""

from __future__ import annotations

from pathlib import Path

from gateway.cures import REASONS, SECTIONS
from gateway.errors import STATUS_OF_CODE, status_of
from gateway.errors_docs import client_errors, page, server_errors
from infra.cli.exits import NEXT_STEPS

ROOT = Path(__file__).parents[2]
WITHOUT_A_CLASS = {"INTERNAL_SERVER_ERROR", "USAGE"}
"""Said of whatever nobody foresaw, and of a wrong command line."""
CURED = {code for cures in SECTIONS.values() for code in cures}


def test_the_page_is_what_the_classes_say_today() -> None:
    assert (ROOT / "docs/errors.md").read_text() == page(), "make it again: python -m gateway.errors_docs"


def test_every_code_of_servers_and_clients_has_a_cure_and_no_other() -> None:
    assert (server_errors().keys() | client_errors().keys()) - WITHOUT_A_CLASS == CURED - WITHOUT_A_CLASS


def test_a_code_has_one_status_whoever_says_it() -> None:
    assert {
        code for code, classes in server_errors().items() if len(set(map(status_of, classes))) > 1
    } == set()


def test_a_code_stands_in_one_section() -> None:
    assert sum(map(len, SECTIONS.values())) == len(CURED)


def test_the_advice_of_the_program_is_about_codes_that_there_are() -> None:
    assert NEXT_STEPS.keys() <= CURED | REASONS.keys()


def test_the_statuses_finer_than_a_kind_are_of_codes_on_the_page() -> None:
    assert STATUS_OF_CODE.keys() - CURED <= {"NOT_ACCEPTABLE"}


def test_every_reason_of_the_registry_is_explained() -> None:
    reasons = {getattr(cls, "reason", None) for cls in server_errors()["SERVICE_UNAVAILABLE"]} - {None}
    assert reasons <= REASONS.keys()


def test_every_page_that_a_cure_links_to_is_there() -> None:
    told = page()
    links = {part.partition(")")[0] for part in told.split("](")[1:]}
    assert {
        link for link in links if not link.startswith("#") and not (ROOT / "docs" / link).is_file()
    } == set()
