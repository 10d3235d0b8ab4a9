"""Objects of the Engine API as workflows write them (spec 13 section 4.2). Pure.

The engine matches keys without regard to case; `edge` also takes snake case. What is merged with
values of our own needs one spelling, the engine's.
"""

from __future__ import annotations

from edge.core.jsontypes import JsonObject, JsonValue

__all__ = ["canonical"]

_NAMES = (
    "Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin"
    " StdinOnce Env Cmd Healthcheck ArgsEscaped Image Volumes WorkingDir Entrypoint"
    " NetworkDisabled MacAddress OnBuild Labels StopSignal StopTimeout Shell Binds"
    " ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver"
    " VolumesFrom Annotations CapAdd CapDrop CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts"
    " GroupAdd IpcMode Cgroup Links OomScoreAdj PidMode Privileged PublishAllPorts ReadonlyRootfs"
    " SecurityOpt StorageOpt Tmpfs UTSMode UsernsMode ShmSize Sysctls Runtime CpuShares Memory"
    " NanoCpus CgroupParent BlkioWeight CpuPeriod CpuQuota CpusetCpus CpusetMems Devices"
    " DeviceRequests MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit"
    " Ulimits Mounts MaskedPaths ReadonlyPaths Init EndpointsConfig Test Interval Timeout"
    " StartPeriod Retries Name MaximumRetryCount Type Source Target ReadOnly Aliases IPAMConfig"
    " HostIp HostPort Config DetachKeys ConsoleSize"
).split()
_BY_LOWER = {name.lower(): name for name in _NAMES}
#: members whose keys are the author's own names
_FREE = frozenset(
    (
        *("Labels", "ExposedPorts", "Volumes", "Annotations", "StorageOpt", "Tmpfs", "Sysctls"),
        *("Config", "Options", "DriverOpts"),
    )
)
#: members whose keys are names, but whose values are objects of the engine
_NAMED = frozenset(("PortBindings", "EndpointsConfig"))


def canonical(value: JsonValue) -> JsonObject:
    """Return an object with the engine's spelling of its keys; {} for what is no object."""
    if not isinstance(value, dict):
        return {}
    found: JsonObject = {}
    for key, item in value.items():
        plain = key.replace("_", "").lower()
        name = _BY_LOWER.get(plain, key.replace("_", ""))
        if name in _FREE:
            found[name] = item
        elif name in _NAMED and isinstance(item, dict):
            found[name] = {inner: _spelled(entry) for inner, entry in item.items()}
        else:
            found[name] = _spelled(item)
    return found


def _spelled(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return canonical(value)
    return [_spelled(item) for item in value] if isinstance(value, list) else value
