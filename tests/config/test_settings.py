"""Precedence, names, homes and bad input of the settings (spec 30 sections 2.1, 2.2, 2.8)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.config.settings import Settings, load_settings
from edge.core.errors import UserError


def _load(home: Path, text: str | None = None, **more: object) -> Settings:
    environ: Mapping[str, str] = {"HOME": str(home)}
    if text is not None:
        (home / "config.yaml").write_text(text)
    return load_settings(environ={**environ, **more.pop("environ", {})}, home=str(home), **more)  # type: ignore[arg-type, dict-item]


def test_defaults_of_a_home(tmp_path: Path) -> None:
    settings = _load(tmp_path)
    assert (settings.host, settings.port, settings.auth_mode) == ("127.0.0.1", 8080, None)
    assert settings.paths.config_file is None
    assert settings.paths.dags_dir == tmp_path / "dags"
    assert settings.paths.base_config == tmp_path / "base.yaml"
    assert settings.paths.store_file == tmp_path / "data/edge.db"
    assert settings.paths.log_dir == tmp_path / "logs"
    assert settings.paths.suspend_flags_dir == tmp_path / "suspend"
    assert settings.paths.artifact_dir == tmp_path / "data/artifacts"
    assert settings.paths.work_dir == tmp_path / "data/dag-run-work"
    assert (settings.coordinator.port, settings.coordinator.health_port) == (50055, 8091)
    assert settings.worker.max_active_runs == 100
    assert settings.peer.insecure
    assert (settings.storage.commit_window_ms, settings.service.drain_s) == (250, 60.0)


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    text = "port: 1001\nhost: 10.0.0.1\ntz: Asia/Tokyo\n"
    assert _load(tmp_path, text).port == 1001
    settings = _load(tmp_path, text, environ={"DAGU_PORT": "1002", "DAGU_HOST": ""})
    assert (settings.port, settings.host, settings.tz) == (1002, "10.0.0.1", "Asia/Tokyo")
    both = {"DAGU_PORT": "1002", "EDGE_PORT": "1003"}
    assert _load(tmp_path, text, environ=both).port == 1003
    assert _load(tmp_path, text, environ=both, flags={"port": "1004"}).port == 1004


def test_an_empty_edge_variable_leaves_the_dagu_one(tmp_path: Path) -> None:
    assert _load(tmp_path, environ={"EDGE_PORT": "", "DAGU_PORT": "1002"}).port == 1002


def test_names_of_one_key_are_tried_in_order(tmp_path: Path) -> None:
    environ = {"DAGU_DAGS_DIR": "/second", "DAGU_DAGS": "/first"}
    assert _load(tmp_path, environ=environ).paths.dags_dir == Path("/first")


def test_flat_path_keys_override_even_the_environment(tmp_path: Path) -> None:
    settings = _load(tmp_path, "dags_dir: /flat\n", environ={"DAGU_DAGS_DIR": "/named"})
    assert settings.paths.dags_dir == Path("/flat")


def test_a_key_in_capitals_is_found(tmp_path: Path) -> None:
    assert _load(tmp_path, "PORT: 1001\n").port == 1001


@pytest.mark.parametrize("text", ["Port: 1001\n", "pOrt: 1001\n"])
def test_key_lookup_ignores_case(tmp_path: Path, text: str) -> None:
    assert _load(tmp_path, text).port == 1001


def test_key_lookup_ignores_case_below_a_section(tmp_path: Path) -> None:
    text = "Coordinator:\n  HOST: 10.0.0.9\n  Health_Port: 7\n"
    coordinator = _load(tmp_path, text).coordinator
    assert (coordinator.host, coordinator.health_port) == ("10.0.0.9", 7)


def test_labels_and_lists_have_two_forms(tmp_path: Path) -> None:
    file = "worker:\n  labels: {Arch: arm64, site: north}\n  coordinators: [a:1, b:2]\n"
    by_file = _load(tmp_path, file).worker
    environ = {"DAGU_WORKER_LABELS": "Arch=arm64, site=north,junk"}
    by_name = _load(tmp_path, "", environ=environ, flags={"worker.coordinators": "a:1,b:2"}).worker
    assert by_file.labels == by_name.labels == {"Arch": "arm64", "site": "north"}
    assert by_file.coordinators == by_name.coordinators == ("a:1", "b:2")


def test_data_dir_moves_what_lies_below_it(tmp_path: Path) -> None:
    paths = _load(tmp_path, "paths:\n  data_dir: $HOME/d\n").paths
    assert paths.data_dir.name == "d"
    assert paths.artifact_dir == paths.data_dir / "artifacts"
    assert paths.work_dir == paths.data_dir / "dag-run-work"
    assert paths.dags_dir == tmp_path / "dags"


def test_path_values_are_trimmed_cleaned_and_know_home(tmp_path: Path) -> None:
    paths = _load(tmp_path, 'paths:\n  log_dir: " /mnt/logs/../l "\n  dags_dir: ~/flows\n').paths
    assert paths.log_dir == Path("/mnt/l")
    assert paths.dags_dir == tmp_path / "flows"


def test_path_values_know_variables(tmp_path: Path) -> None:
    paths = _load(tmp_path, "paths:\n  log_dir: $DISK/l\n", environ={"DISK": "/mnt/disk"}).paths
    assert paths.log_dir == Path("/mnt/disk/l")


def test_homes_in_their_order(tmp_path: Path) -> None:
    flag, edge, dagu = tmp_path / "flag", tmp_path / "edge", tmp_path / "dagu"
    environ = {"HOME": str(tmp_path), "EDGE_HOME": str(edge), "DAGU_HOME": str(dagu)}
    assert load_settings(environ=environ, home=str(flag)).home == flag
    assert load_settings(environ=environ).home == edge
    del environ["EDGE_HOME"]
    assert load_settings(environ=environ).home == dagu
    del environ["DAGU_HOME"]
    xdg = load_settings(environ=environ)
    assert xdg.home is None
    assert xdg.paths.dags_dir == tmp_path / ".config/dagu/dags"
    assert xdg.paths.data_dir == tmp_path / ".local/share/dagu/data"
    assert xdg.paths.log_dir == tmp_path / ".local/share/dagu/logs"
    (tmp_path / ".dagu").mkdir()
    assert load_settings(environ=environ).home == tmp_path / ".dagu"


def test_xdg_data_home_counts_and_xdg_config_home_does_not(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_DATA_HOME": "/x/data", "XDG_CONFIG_HOME": "/x/conf"}
    paths = load_settings(environ=environ).paths
    assert paths.data_dir == Path("/x/data/dagu/data")
    assert paths.base_config == tmp_path / ".config/dagu/base.yaml"


def test_config_yml_is_found_and_an_explicit_file_must_exist(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("port: 1005\n")
    assert _load(tmp_path).port == 1005
    with pytest.raises(UserError, match=r"initialization error: failed to read config: open /no/x"):
        _load(tmp_path, config="/no/x")


def test_an_unknown_key_warns_once_and_names_the_nearest(tmp_path: Path) -> None:
    warnings = _load(tmp_path, "prot: 1\n").warnings
    assert len(warnings) == 1
    assert "prot" in warnings[0]
    assert "did you mean port?" in warnings[0]


def test_a_key_of_the_target_without_effect_is_silent(tmp_path: Path) -> None:
    assert _load(tmp_path, "metrics: public\ngit_sync:\n  branch: x\n").warnings == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("basePath: /x\n", ["legacy camelCase keys", "basepath -> base_path"]),
        ("paths:\n  dagsDir: /x\n", ["legacy camelCase keys", "paths.dagsdir -> paths.dags_dir"]),
        (
            "port: lots\n",
            ["failed to unmarshal config", "'port' cannot parse value as 'int'", ":1"],
        ),
        ("host: a\nport: 70000\n", ["failed to build config", "invalid port number: 70000", ":2"]),
        ("debug: maybe\n", ["'debug' cannot parse value as 'bool'"]),
        ("host: [a]\n", ["'host' cannot parse value as"]),
        ("tz: Mars/Base\n", ["failed to load timezone: unknown time zone Mars/Base"]),
        ("default_execution_mode: tea\n", ["default_execution_mode", "tea"]),
        ("port: 1\nport: 2\n", ["While parsing config", "config.yaml"]),
        ("port: [\n", ["While parsing config", "config.yaml"]),
        ("- a\n", ["config.yaml:1", "mapping"]),
        (
            "edge:\n  storage:\n    commit_windo_ms: 5\n",
            [
                "unknown key edge.storage.commit_windo_ms",
                "did you mean edge.storage.commit_window_ms?",
            ],
        ),
        ("coordinator: {port: 8091}\n", ["must be different when health checks"]),
        ("coordinator: {port: 9, health_port: 9}\n", ["must be different when health checks"]),
    ],
)
def test_bad_files_end_with_one_clear_error(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        _load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith("initialization error: ")
    for part in parts:
        assert part in message


def test_bad_environment_and_flags_name_their_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"EDGE_PORT.*'port' cannot parse value as 'int'"):
        _load(tmp_path, environ={"EDGE_PORT": "abc"})
    with pytest.raises(UserError, match=r"'port' cannot parse value as 'int'"):
        _load(tmp_path, flags={"port": "x"})


def test_an_unparsable_duration_warns_and_keeps_the_default(tmp_path: Path) -> None:
    settings = _load(tmp_path, "scheduler:\n  zombie_detection_interval: soon\n")
    assert settings.scheduler.zombie_detection_interval_s == 45.0
    assert settings.warnings == ("Invalid scheduler.zombie_detection_interval value: soon",)


def test_a_key_below_edge_has_its_variable(tmp_path: Path) -> None:
    # spec 40 section 1: the environment of edge.a.b is EDGE_A_B
    settings = _load(tmp_path, environ={"EDGE_STORAGE_COMMIT_WINDOW_MS": "7"})
    assert settings.storage.commit_window_ms == 7


def test_a_command_does_not_suffer_from_sections_it_does_not_read(tmp_path: Path) -> None:
    text = "port: 70000\nscheduler:\n  port: 70001\n  lock_retry_interval: soon\n"
    assert _load(tmp_path, text, section="start").port == 8080
    assert _load(tmp_path, text, section="start").warnings == ()
    with pytest.raises(UserError, match=r"config\.yaml:3: invalid scheduler\.port: 70001"):
        _load(tmp_path, text, section="scheduler")
    with pytest.raises(UserError, match="invalid port number: 70000"):
        _load(tmp_path, text, section="status")


def test_types_are_checked_whoever_asks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'port' cannot parse value as 'int'"):
        _load(tmp_path, "port: lots\n", section="start")


def test_a_dispatched_start_reads_the_coordinators_address(tmp_path: Path) -> None:
    text = "coordinator: {port: 7001}\nport: 70000\n"
    assert _load(tmp_path, text, section="start").coordinator.port == 50055
    assert _load(tmp_path, text, section="dispatch").coordinator.port == 7001


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("proc: {heartbeat_interval: 90s}\n", "proc.heartbeat_interval (1m30s) must be less than"),
        ("edge: {storage: {page_size: 1000}}\n", "invalid edge.storage.page_size: 1000"),
        ("edge: {storage: {commit_window_ms: -1}}\n", "commit_window_ms must be >= 0"),
        ("scheduler: {zombie_detection_interval: -1s}\n", "zombie_detection_interval must be >= 0"),
    ],
)
def test_values_out_of_range_name_their_key(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(UserError, match="failed to build config: ") as caught:
        _load(tmp_path, text)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "tls: {cert_file: a.pem, key_file: b.pem}",
        "ip_access: {allowed_ips: [10.0.0.0/8]}",
        "permissions: {write_dags: false}",
    ],
)
def test_a_page_is_not_served_with_less_protection_than_asked_for(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"port: 8081\n{text}\n")
    environ = {"HOME": str(tmp_path)}
    for section in ("server", "start-all"):
        with pytest.raises(UserError, match=r"config\.yaml:2: .* is not available in this version"):
            load_settings(environ=environ, config=str(file), section=section)
    assert load_settings(environ=environ, config=str(file), section="start").port == 8080


def test_guards_that_ask_for_nothing_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text('tls: {cert_file: ""}\npermissions: {write_dags: true}\n')
    assert load_settings(environ={"HOME": str(tmp_path)}, config=str(file), section="server")
