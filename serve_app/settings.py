"""Settings of the service: SLATELOOP_* environment variables over a YAML file over defaults.

In: the environment and an optional file. Out: one frozen ``ServiceSettings``, or one error that lists every problem.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import Field, StringConstraints

from agent.loops import SettingsError
from policies.spelling import meant
from serve_app.auth import ADMIN_KEY_CHARS

PREFIX = "SLATELOOP_"

_AdminKey = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=ADMIN_KEY_CHARS, max_length=512)
]  # a header's value has no space around it, and a file of secrets often ends in a newline


class ServiceSettings(pydantic.BaseModel):
    """How the service runs.

    Attributes:
        host: Address to listen on; anything but loopback opens the service to the network.
        port: Port to listen on.
        data_dir: Holds the files of the datastore that the service starts itself.
        replicas: Processes that answer requests.
        redis_url: A running Redis or Valkey; None starts one in ``data_dir``.
        admin_key: Sets the admin key; None makes one on the first start and shows it once.
        fsync: ``always`` makes each answer wait for the disk; ``everysec`` may lose a second or two in a power cut.
        cors_origins: Pages from these origins may call the service; ``*`` means any.
        body_bytes: Longest request body.
        batch_limit: Most requests or rewards in one body.
        metrics_need_key: Whether /metrics needs an admin key; it tells loop names and volumes, never users or items.
        log_level: Of the service's own log.
        ingress: ``direct`` answers through HAProxy straight from the replicas; ``proxy`` is Ray Serve's slower default
            path; ``auto`` is direct where an HAProxy is installed.
        public_url: Where clients reach the service, for the commands on /docs; None means host and port.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    data_dir: Path = Path(".slateloop")
    replicas: Annotated[int, Field(ge=1, le=256)] = 1
    redis_url: Annotated[str | None, Field(repr=False)] = None
    admin_key: Annotated[_AdminKey | None, Field(repr=False)] = None
    fsync: Literal["everysec", "always"] = "everysec"
    cors_origins: tuple[str, ...] = ()
    body_bytes: Annotated[int, Field(ge=1024, le=2**30)] = 2**20
    batch_limit: Annotated[int, Field(ge=1, le=10_000)] = 256
    metrics_need_key: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    ingress: Literal["auto", "direct", "proxy"] = "auto"
    public_url: str | None = None

    @property
    def url(self) -> str:
        """Where clients reach the service."""
        if self.public_url is not None:
            return self.public_url
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "*") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def load_settings(
    environment: Mapping[str, str], *, file: Path | None = None, given: Mapping[str, Any] | None = None
) -> ServiceSettings:
    """Gather settings.

    Args:
        environment: Its SLATELOOP_* variables count; an unknown one is a problem.
        file: A YAML file of settings.
        given: What the command line names; above everything else.

    Raises:
        SettingsError: with every problem at once.
    """
    sources = _Sources()
    sources.add(_from_file(file), str, place=f"{file}: ")
    sources.add(_from_environment(environment), lambda name: f"{PREFIX}{name.upper()}")
    sources.add(dict(given or {}), lambda name: f"--{name.replace('_', '-')}")
    try:
        return ServiceSettings.model_validate(sources.values)
    except pydantic.ValidationError as error:
        raise SettingsError([sources.problem(item) for item in error.errors()]) from None


class _Sources:
    """Merged values, and where each came from."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._sources: dict[str, tuple[str, Callable[[str], str]]] = {}

    def add(self, values: Mapping[str, Any], written: Callable[[str], str], *, place: str = "") -> None:
        self.values |= values
        self._sources |= dict.fromkeys(values, (place, written))

    def problem(self, item: Any) -> str:
        name = str(item["loc"][0]) if item["loc"] else ""
        place, written = self._sources.get(name, ("", str))
        where = place + written(name)
        if item["type"] == "extra_forbidden":
            likely = meant(name, ServiceSettings.model_fields, written=written)
            return f"{where}: no such setting; remove it or fix its name{likely}"
        shown = "" if name in ("admin_key", "redis_url") else f" (got {item['input']!r:.80})"
        return f"{where}: {item['msg']}{shown}"


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        data = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{file}: can't be read: {error}"]) from None
    except yaml.YAMLError as error:
        raise SettingsError([f"{file}: not YAML: {error}"]) from None
    if not isinstance(data, dict | None) or any(not isinstance(name, str) for name in data or {}):
        raise SettingsError([f"{file}: must be a mapping of settings, not {type(data).__name__}"])
    return data or {}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Variables set to nothing count as not set."""
    named = {name.removeprefix(PREFIX).lower(): text for name, text in environment.items() if name.startswith(PREFIX)}
    known = {
        name: text
        for name, text in named.items()
        if text and name not in _CLIENT_SETTINGS and not _is_service_link(name, text)
    }
    return {name: _list(text) if name == "cors_origins" else text for name, text in known.items()}


_CLIENT_SETTINGS = frozenset({"url", "key"})
"""Variables that the client and the command line read, not the service."""


_SERVICE_LINK = re.compile(r"service_host|service_port(_\w+)?|port_\d+_(tcp|udp|sctp)(_proto|_port|_addr)?")


def _is_service_link(name: str, text: str) -> bool:
    """Whether Kubernetes put it there, as it does for every container beside a service named slateloop."""
    return (name == "port" and "://" in text) or _SERVICE_LINK.fullmatch(name) is not None


def _list(text: str) -> Any:
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [part.strip() for part in text.split(",") if part.strip()]
