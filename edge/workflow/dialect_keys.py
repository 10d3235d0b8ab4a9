"""The keys of Dagu 1.30 and ours, by the mapping they stand in (spec 10 sections 13.1, 13.2).

Only mappings named here are respelled; `env`, `params`, `labels`, schemas and the bodies and
headers of `http` stay as they are.
"""

from __future__ import annotations

import re

__all__ = ["CHILDREN", "EXECUTORS", "RENAMED", "ROOT_MOVED", "snake"]

#: 1.30 spells these in one way only that is not the plain camel case of ours
_IRREGULAR = {"disable_ssl": "disableSSL", "base_url": "baseURL"}

_WORDS = {
    "root": (
        "working_dir skip_if_successful catchup_window overlap_policy log_dir log_output handler_on"
        " mail_on error_mail info_mail wait_mail timeout_sec delay_sec restart_wait_sec shell_args"
        " hist_retention_days hist_retention_runs max_active_runs max_active_steps"
        " max_clean_up_time_sec max_output_size run_config worker_selector registry_auths"
        " retry_policy"
    ),
    "step": (
        "working_dir log_output shell_args shell_packages continue_on retry_policy repeat_policy"
        " mail_on_error signal_on_stop worker_selector timeout_sec"
    ),
    "defaults": "continue_on retry_policy repeat_policy timeout_sec mail_on_error signal_on_stop",
    "policy": "interval_sec exit_code max_interval_sec",
    "continue_on": "exit_code mark_success",
    "parallel": "max_concurrent",
    "foreach": "max_concurrent",
    "run_config": "disable_param_edit disable_run_id_edit",
    "mail": "attach_logs",
    "webhook": "forward_headers",
    "container": ("pull_policy keep_container working_dir wait_for log_pattern restart_policy"),
    "healthcheck": "start_period",
    "ssh": "strict_host_key known_host_file",
    "s3": "access_key_id secret_access_key session_token force_path_style disable_ssl",
    "redis": "tls_skip_verify sentinel_master sentinel_addrs cluster_addrs max_retries",
    "llm": "max_tokens top_p base_url api_key_name max_tool_iterations",
    "thinking": "budget_tokens include_in_output",
}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return _IRREGULAR.get(name) or head + "".join(word.capitalize() for word in rest)


#: mapping -> the old spelling of its keys -> ours
RENAMED: dict[str, dict[str, str]] = {
    context: {_camel(name): name for name in words.split()} for context, words in _WORDS.items()
}
for _context in ("root", "step"):
    RENAMED[_context] |= {"dir": "working_dir", "precondition": "preconditions"}
RENAMED["defaults"]["precondition"] = "preconditions"
RENAMED["step"]["executor"] = "type"
RENAMED["handler_on"] = {"cancel": "abort"}

#: root keys that became keys of an object
ROOT_MOVED = {
    "artifactDir": ("artifacts", "dir"),
    "enableArtifact": ("artifacts", "enabled"),
    "forwardHeaders": ("webhook", "forward_headers"),
}

#: mapping -> our key -> the mapping below it
CHILDREN: dict[str, dict[str, str]] = {
    "root": {
        "steps": "steps",
        "handler_on": "handler_on",
        "defaults": "defaults",
        "retry_policy": "policy",
        "run_config": "run_config",
        "error_mail": "mail",
        "info_mail": "mail",
        "wait_mail": "mail",
        "webhook": "webhook",
        "container": "container",
        "ssh": "ssh",
        "s3": "s3",
        "redis": "redis",
        "llm": "llm",
    },
    "step": {
        "continue_on": "continue_on",
        "retry_policy": "policy",
        "repeat_policy": "policy",
        "parallel": "parallel",
        "foreach": "foreach",
        "container": "container",
        "llm": "llm",
    },
    "defaults": {
        "continue_on": "continue_on",
        "retry_policy": "policy",
        "repeat_policy": "policy",
    },
    "handler_on": dict.fromkeys(("init", "success", "failure", "abort", "exit", "wait"), "step"),
    "foreach": {"steps": "steps"},
    "container": {"healthcheck": "healthcheck"},
    "llm": {"thinking": "thinking"},
}

#: builtin executors whose options are respelled
EXECUTORS = frozenset(
    "archive artifact chat container data docker file git harness http jq k8s kubernetes log mail"
    " postgres redis s3 sftp sqlite ssh state template wait".split()
)

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake(name: str) -> str:
    """Return our spelling of a camelCase option: `disableSSL` is `disable_ssl`."""
    return _HUMP.sub("_", name).lower() if name[:1].islower() else name
