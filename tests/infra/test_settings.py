"""Settings: everything wrong is named at once, nothing secret is shown (seed S6.3, I9)."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.errors import SettingsError
from infra.settings import Settings, load_settings
from infra.settings_page import settings_page

ROOT = Path(__file__).parents[2]


def problems(environment: dict[str, str], **rest: object) -> str:
    with pytest.raises(SettingsError) as refusal:
        load_settings(environment, **rest)  # type: ignore[arg-type]
    return refusal.value.message


def test_the_defaults_need_nothing(tmp_path: Path) -> None:
    assert load_settings({"DITS_DATA_DIR": str(tmp_path)}).gateway_port == 8420


def test_variables_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    environment = {"DITS_DATA_DIR": str(tmp_path), "PATH": "x", "DITS_URL": "http://x", "DITS_API_KEY": "k"}
    assert load_settings(environment).data_dir == tmp_path


def test_all_problems_are_named_at_once() -> None:
    text = problems(
        {"DITS_GATEWAY_PROT": "1", "DITS_CORE_THREADS": "many", "DITS_GATEWAY_PORT": "70000"},
        needs=("nats_url",),
    )
    assert "DITS_GATEWAY_PROT is not a setting; did you mean DITS_GATEWAY_PORT?" in text
    assert "DITS_CORE_THREADS: Input should be a valid integer" in text
    assert "DITS_GATEWAY_PORT: Input should be less than or equal to 65535" in text
    assert "DITS_NATS_URL is missing" in text


def test_an_s3_store_needs_its_four_names() -> None:
    text = problems({"DITS_OBJECT_STORE": "s3", "DITS_S3_BUCKET": "films"})
    assert text.count("is missing") == 3


OAUTH = {
    "DITS_OAUTH_ISSUER": "https://issuer.example",
    "DITS_OAUTH_AUDIENCE": "dits",
    "DITS_OAUTH_JWKS_URL": "https://issuer.example/keys",
    "DITS_OAUTH_TOKEN_ENDPOINT": "https://issuer.example/token",
}


@pytest.mark.parametrize("name", OAUTH)
def test_an_oauth_issuer_needs_all_its_names(name: str) -> None:
    assert load_settings(OAUTH).oauth_audience == "dits"
    rest = {other: value for other, value in OAUTH.items() if other != name}
    assert problems(rest) == f"Settings are wrong: {name} is missing"


def test_the_issuers_keys_do_not_come_in_the_clear() -> None:
    text = problems({**OAUTH, "DITS_OAUTH_JWKS_URL": "http://issuer.example/keys"})
    assert "DITS_OAUTH_JWKS_URL: Value error, use https://, or http:// to this machine" in text


def test_the_environment_wins_over_the_file_in_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "dits.toml").write_text('gateway_port = 9000\nlog_level = "debug"\n')
    settings = load_settings({"DITS_DATA_DIR": str(tmp_path), "DITS_GATEWAY_PORT": "9001"})
    assert (settings.gateway_port, settings.log_level) == (9001, "debug")


def test_the_command_line_wins_over_the_environment() -> None:
    assert load_settings({"DITS_GATEWAY_PORT": "9001"}, given={"gateway_port": 9002}).gateway_port == 9002


def test_an_unknown_name_in_the_file_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("gatway_port = 1\n")
    assert f"gatway_port in {file} is not a setting" in problems({"DITS_SETTINGS": str(file)})


def test_a_named_file_must_be_there() -> None:
    assert "which is not there" in problems({"DITS_SETTINGS": "/nowhere/dits.toml"})


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "dits.toml").write_text("port: 1")
    assert "cannot be read" in problems({"DITS_DATA_DIR": str(tmp_path)})


def test_a_secret_is_read_from_its_file_without_the_last_newline(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("s3cret\n")
    settings = load_settings({"DITS_NATS_PASSWORD_FILE": str(tmp_path / "pw")})
    assert settings.nats_password is not None
    assert settings.nats_password.get_secret_value() == "s3cret"


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("a")
    environment = {"DITS_NATS_PASSWORD_FILE": str(tmp_path / "pw"), "DITS_NATS_PASSWORD": "b"}
    assert "are both set" in problems(environment)


def test_a_secret_file_that_is_not_there_is_named_once() -> None:
    text = problems({"DITS_POSTGRES_DSN_FILE": "/nowhere/dsn"}, needs=("postgres_dsn",))
    assert "DITS_POSTGRES_DSN_FILE cannot be read" in text
    assert "missing" not in text


def test_a_crash_point_is_for_developers_only() -> None:
    assert "allowed with DITS_DEV only" in problems({"DITS_CRASH_AT": "pivot"})
    assert load_settings({"DITS_CRASH_AT": "pivot", "DITS_DEV": "true"}).crash_at == "pivot"


def test_trusted_proxies_are_networks_and_none_by_default() -> None:
    assert load_settings({}).trusted_networks == ()
    settings = load_settings({"DITS_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7,fd00::/8"})
    assert [str(each) for each in settings.trusted_networks] == ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]
    for wrong in ("10.0.0.1/8", "proxy.example.org", "10.0.0.0/33"):
        assert "DITS_TRUSTED_PROXIES" in problems({"DITS_TRUSTED_PROXIES": wrong})


def test_no_secret_is_shown_by_repr_or_by_an_error() -> None:
    settings = load_settings({"DITS_POSTGRES_DSN": "postgresql://u:canary@h/d", "DITS_KEY_PEPPER": "canary"})
    assert "canary" not in repr(settings)
    assert "canary" not in str(settings.model_dump_json())
    assert "canary" not in problems({"DITS_GATEWAY_PORT": "canary", "DITS_NATS_PASSWORDS": "canary"})


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(ValidationError):
        Settings().gateway_port = 1  # type: ignore[misc]


def test_every_setting_has_a_help_text() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_page_of_settings_is_the_models() -> None:
    assert (ROOT / "docs/settings.md").read_text() == settings_page()
