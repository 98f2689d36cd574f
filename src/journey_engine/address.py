"""Where an engine on PostgreSQL or on Spark is, as its URL says.

A password is no part of a URL: it comes from the environment and is never shown.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from journey_engine.errors import JourneyError

SCHEMA = "journey_engine"
PLAIN = r"[A-Za-z_][A-Za-z0-9_]*"
FORM = "postgresql://user@host/database"
FILE_FORM = "duckdb:///var/engine.duckdb"
SPARK_FORM = "spark:///var/spark"
LOCAL = "local[*]"


def is_here(host: str | None) -> bool:
    """Whether a host is this very machine."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an engine's URL; `url` is what the driver is given, beside the password."""

    url: str
    host: str
    database: str
    schema: str
    password_env: str | None

    @classmethod
    def of(cls, url: str) -> Address:
        """Read a URL. Raises ValueError with a sentence for people when it is none of ours."""
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres"):
            raise ValueError(f"write it as {FORM}")
        if parts.password is not None:
            raise ValueError(
                "the password does not belong in a file: take it out of the URL and put it into the environment as "
                "PGPASSWORD, or under a name of your own with ?password_env=NAME"
            )
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        ours = {name: value for name, value in pairs if name in ("schema", "password_env")}
        for name, value in ours.items():
            if not re.fullmatch(PLAIN, value):
                raise ValueError(f"'{value}' is no name for {name}: write letters, digits and _")
        if any(name == "password" for name, _ in pairs):
            raise ValueError("the password does not belong in a file: put it into the environment as PGPASSWORD")
        database = parts.path.removeprefix("/")
        if not database and not any(name == "dbname" for name, _ in pairs):
            raise ValueError(f"it names no database: write it as {FORM}")
        rest = urlencode([pair for pair in pairs if pair[0] not in ours])
        plain = urlunsplit((parts.scheme, parts.netloc, parts.path, rest, ""))
        try:
            host = parts.hostname or ""
            _ = parts.port
        except ValueError:
            raise ValueError(f"its port is no number: write it as {FORM}") from None
        return cls(plain, host or "the local server", database, ours.get("schema", SCHEMA), ours.get("password_env"))

    def password(self) -> str | None:
        """The password from the named variable; PGPASSWORD the driver reads itself."""
        if self.password_env is None:
            return None
        try:
            return os.environ[self.password_env]
        except KeyError:
            raise JourneyError(
                f"the engine {self}: there is no {self.password_env} in the environment, for the password",
                remedy=f"set {self.password_env}, or take `password_env` out of `engine:` in journeys/project.yaml",
                code="engine-unavailable",
            ) from None

    def unreachable(self, said: str) -> JourneyError:
        """The error of a server that does not answer or does not let us in; `said` are the driver's words."""
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        told = [line for line in lines if not line.startswith("Is the server running")]  # a hint below the reason
        words = told[-1] if told else "no reason given"
        remedy = "start the server, or mend `engine:` in journeys/project.yaml"
        if "password" in words or "authentication" in words or "role" in words:
            variable = self.password_env or "PGPASSWORD"
            remedy = f"check the user in `engine:` of journeys/project.yaml, and the password in {variable}"
        elif f'database "{self.database}" does not exist' in words:
            remedy = f"make it: createdb {self.database}"
        return JourneyError(f"the engine {self} cannot be opened: {words}", remedy=remedy, code="engine-unavailable")

    def __str__(self) -> str:
        """For people: no user, no password."""
        return f"{self.database} at {self.host}"


@dataclass(frozen=True, slots=True)
class SparkPlace:
    """The folder that keeps the state of an engine on Spark, and who computes: by default a Spark in this process."""

    folder: str
    master: str

    @classmethod
    def of(cls, url: str) -> SparkPlace:
        """Read a URL. Raises ValueError with a sentence for people when it is none of ours."""
        found = re.fullmatch(r"spark:///([^?]+)(?:\?master=(.+))?", url)
        if found is None:
            raise ValueError(f"write it as {SPARK_FORM}, or {SPARK_FORM}?master=spark://host:7077")
        master = found[2] or LOCAL
        if not re.fullmatch(r"local(\[(\*|[0-9]+)\])?|yarn|spark://.+|k8s://.+", master):
            raise ValueError(
                f"'{master}' is no master of Spark: write local[2], spark://host:7077, k8s://https://host:port or yarn"
            )
        return cls(found[1], master)


@dataclass(frozen=True, slots=True)
class FilePlace:
    """The file of an engine on DuckDB, and how much memory a night may take before it goes on by way of the disk."""

    file: str
    memory: str | None = None

    @classmethod
    def of(cls, url: str) -> FilePlace:
        """Read a URL. Raises ValueError with a sentence for people when it is none of ours."""
        found = re.fullmatch(r"duckdb:///([^?]+)(?:\?memory=(.+))?", url)
        if found is None:
            raise ValueError(f"write it as {FILE_FORM}, or {FILE_FORM}?memory=4GB")
        if found[2] is not None and not re.fullmatch(r"[1-9][0-9]{0,5}(MB|GB)", found[2]):
            raise ValueError(f"'{found[2]}' is no amount of memory: write whole megabytes or gigabytes, such as 4GB")
        return cls(found[1], found[2])
