"""Options of the sandbox: where programs run, what they may use, and where tools and libraries lie."""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from treasure.errors import ConfigError


class SandboxKind(StrEnum):
    """Who builds the walls around generated code."""

    LOCAL = "local"
    """This machine's kernel: namespaces and filters."""
    DOCKER = "docker"
    """One container a program, of an engine that answers to the docker client."""
    HTTP = "http"
    """A sandbox service on another machine."""


@dataclass(kw_only=True, slots=True)
class SandboxLimits:
    """What one program may use. The defaults are far above what a small function and its tests need."""

    time_s: float = 10.0
    """Upper bound of any job's `timeout_s`, in seconds of wall time, > 0."""
    memory_bytes: int = 2**30
    """Memory of each process, in bytes, at least 64 MiB (node needs 1 GiB to start)."""
    num_processes: int = 4
    """Processes and threads at once, beside those that node starts for itself, >= 1."""
    file_size_bytes: int = 2**20
    """Size of a file, and with namespaces about that of all files together, in bytes, >= 0."""
    output_bytes: int = 2**16
    """Standard output, and again standard error, in bytes, >= 1; a program that writes more is ended."""
    starts_processes: bool = True
    """Whether it may start processes; if not it has threads alone, so `memory_bytes` bounds all that it uses."""
    cpu_s: float | None = None
    """Processor time of each process in seconds, > 0; None: that of one core for all of `time_s`."""
    num_files: int = 64
    """Files that each process may have open at once, at least 8."""

    def __post_init__(self) -> None:
        lowest = {
            "memory_bytes": 64 * 2**20,
            "num_processes": 1,
            "file_size_bytes": 0,
            "output_bytes": 1,
            "num_files": 8,
        }
        for name, low in lowest.items():
            if getattr(self, name) < low:
                raise ConfigError(f"SandboxLimits.{name} is {getattr(self, name)}. Allowed: {low} or more.")
        if not self.time_s > 0:
            raise ConfigError(f"SandboxLimits.time_s is {self.time_s}. Allowed: more than 0 seconds.")
        if self.cpu_s is not None and not self.cpu_s > 0:
            raise ConfigError(f"SandboxLimits.cpu_s is {self.cpu_s}. Allowed: more than 0 seconds, or None.")


@dataclass(kw_only=True, slots=True)
class SandboxConfig:
    """Where generated programs run, and with what."""

    kind: SandboxKind = SandboxKind.LOCAL
    """local (namespaces of this machine's kernel), docker (a container each) or http (a service elsewhere)."""
    num_workers: int = 2
    """Programs at a time, at least 1; one per core is best."""
    time_factor: float = 1.0
    """Multiplies all limits of time, > 0; more for a slow or busy machine."""
    tools: dict[str, str] = field(default_factory=dict)
    """Paths of tools that are not on the PATH, or not the ones wanted there: 'g++', 'javac', 'go', ... -> path."""
    node_modules: str = ""
    """Folder `node_modules` whose packages javascript programs may load; empty: the first of NODE_PATH and
    ./node_modules that holds js-md5, else none."""
    rust_registry: str = "/usr/share/cargo/registry"
    """Folder of Rust crates in source (vendored); those that programs may use are compiled from it once."""
    go_path: str = "/usr/share/gocode"
    """GOPATH whose packages Go programs may import."""
    cache_dir: str = ""
    """Folder for compiled libraries of Go and Rust; empty: `treasure/toolchains` in the user's cache folder."""
    docker_client: str = "docker"
    """Name or path of the client, for `kind: docker`; podman works too."""
    docker_images: dict[str, str] = field(default_factory=dict)
    """Image for each language, for `kind: docker`: what it must hold is told in docs/sandbox.md."""
    docker_libraries: dict[str, str] = field(default_factory=dict)
    """Folders in the images with compiled libraries, for `kind: docker`: go and rust -> folder; others need none."""
    docker_user: str = "65534:65534"
    """User and group in the container, as numbers, not root."""
    service_url: str = ""
    """Address of the service, for `kind: http`: http://host:port."""
    service_token_variable: str = "TREASURE_SANDBOX_TOKEN"
    """Name of the environment variable that holds the service's token; the token is never an option."""

    def __post_init__(self) -> None:
        if self.kind not in list(SandboxKind):
            raise ConfigError(f"sandbox.kind is '{self.kind}'. Allowed: {', '.join(SandboxKind)}.")
        self.kind = SandboxKind(self.kind)  # a plain string of a notebook is as good
        if self.num_workers < 1:
            raise ConfigError(f"sandbox.num_workers is {self.num_workers}. Allowed: 1 or more.")
        if not self.time_factor > 0:
            raise ConfigError(f"sandbox.time_factor is {self.time_factor}. Allowed: more than 0.")
        if self.kind == SandboxKind.HTTP and urlsplit(self.service_url).scheme not in ("http", "https"):
            raise ConfigError(
                f"sandbox.kind=http needs sandbox.service_url as http://host:port; got '{self.service_url}'."
            )
        if self.kind == SandboxKind.DOCKER and not self.docker_images:
            raise ConfigError("sandbox.kind=docker needs sandbox.docker_images, an image for each language to run.")
        if not all(part.isdecimal() for part in self.docker_user.split(":")) or int(self.docker_user.split(":")[0]) < 1:
            raise ConfigError(f"sandbox.docker_user is '{self.docker_user}'. Allowed: uid or uid:gid, not root's.")
