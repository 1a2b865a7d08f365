from __future__ import annotations

from pathlib import Path

import pytest

from agent.loops import SettingsError
from serve_app.settings import ServiceSettings, load_settings


def test_environment_goes_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("port: 9000\nreplicas: 2\ncors_origins: [https://a.example]\n")
    settings = load_settings({"SLATELOOP_PORT": "9001", "OTHER": "1", "SLATELOOP_ADMIN_KEY": ""}, file=file)
    assert (settings.port, settings.replicas, settings.host) == (9001, 2, "127.0.0.1")
    assert settings.cors_origins == ("https://a.example",)
    assert settings.admin_key is None
    assert load_settings({"SLATELOOP_PORT": "9001"}, given={"port": 9002}).port == 9002


def test_lists_may_be_written_with_commas_or_as_json() -> None:
    for text in ("https://a.example, https://b.example", '["https://a.example", "https://b.example"]'):
        settings = load_settings({"SLATELOOP_CORS_ORIGINS": text})
        assert settings.cors_origins == ("https://a.example", "https://b.example")


def test_every_problem_is_listed_with_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("fsync: sometimes\nnonsense: 1\n")
    environment = {"SLATELOOP_PORT": "http", "SLATELOOP_ADMIN_KEY": "short secret", "SLATELOOP_PROT": "1"}
    with pytest.raises(SettingsError) as caught:
        load_settings(environment, file=file, given={"replicas": 0})
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    for name in (
        "SLATELOOP_PORT",
        "SLATELOOP_ADMIN_KEY",
        "SLATELOOP_PROT",
        f"{file}: fsync",
        f"{file}: nonsense",
        "--replicas",
    ):
        assert name in text
    assert "SLATELOOP_PROT: no such setting; remove it or fix its name (did you mean SLATELOOP_PORT?)" in text
    assert "short secret" not in text


@pytest.mark.parametrize("text", ["[1, 2", "- 1\n- 2\n", "1: 2\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "service.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError):
        load_settings({}, file=file)
    with pytest.raises(SettingsError):
        load_settings({}, file=tmp_path / "missing.yaml")


def test_the_url_is_one_that_a_client_can_use() -> None:
    assert ServiceSettings(host="0.0.0.0", port=1).url == "http://127.0.0.1:1"
    assert ServiceSettings(host="::1", port=1).url == "http://[::1]:1"
    assert ServiceSettings(public_url="https://s.example").url == "https://s.example"


def test_secrets_are_not_shown() -> None:
    settings = ServiceSettings(admin_key="a very secret key", redis_url="redis://:secret@h/0")
    assert "secret" not in repr(settings)


def test_an_admin_key_has_no_space_around_it() -> None:
    assert load_settings({"SLATELOOP_ADMIN_KEY": " a key from a file of secrets\n"}).admin_key == (
        "a key from a file of secrets"
    )


def test_what_kubernetes_puts_beside_a_service_of_this_name_is_no_setting() -> None:
    links = {
        "SLATELOOP_SERVICE_HOST": "10.0.0.1",
        "SLATELOOP_SERVICE_PORT": "8000",
        "SLATELOOP_SERVICE_PORT_HTTP": "8000",
        "SLATELOOP_PORT": "tcp://10.0.0.1:8000",
        "SLATELOOP_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "SLATELOOP_PORT_8000_TCP_ADDR": "10.0.0.1",
    }
    assert load_settings(links) == ServiceSettings()
