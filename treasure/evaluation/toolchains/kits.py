"""Finds each language's tools and libraries on this machine, or says what is missing."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from treasure.evaluation.sandbox_config import SandboxConfig
from treasure.evaluation.sandbox_worker import find_node
from treasure.evaluation.toolchains.cpp import Cpp
from treasure.evaluation.toolchains.go import BUILD_ENVIRONMENT, Go
from treasure.evaluation.toolchains.java import Java
from treasure.evaluation.toolchains.libraries import go_libraries, rust_libraries
from treasure.evaluation.toolchains.rust import Rust
from treasure.evaluation.toolchains.scripts import JavaScript, Python
from treasure.evaluation.toolchains.toolchain import Kit, Toolchain

TOOLCHAINS: dict[str, Toolchain] = {
    toolchain.language: toolchain for toolchain in (Python(), JavaScript(), Java(), Go(), Cpp(), Rust())
}


def local_kit(language: str, config: SandboxConfig) -> Kit | str:
    """What this machine has of a language of `TOOLCHAINS`, or why programs in it cannot be built here."""
    if reason := missing_tools(language, config):
        return reason
    names = TOOLCHAINS[language].tool_names
    try:
        tools = {name: path for name in names if (path := _path(name, config)) is not None}
        return _FINDERS[language](tools, config)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{names[0]} does not answer: {error}"


def missing_tools(language: str, config: SandboxConfig | None = None) -> str:
    """Which tools of a language of `TOOLCHAINS` are not on this machine, and how to install them; '' if none."""
    toolchain, config = TOOLCHAINS[language], config or SandboxConfig()
    absent = [name for name in toolchain.tool_names if _which(name, config) is None]
    return f"{' and '.join(absent)} not found on the PATH or in sandbox.tools; {toolchain.hint}" if absent else ""


def _which(name: str, config: SandboxConfig) -> str | None:
    if name in config.tools:
        return shutil.which(config.tools[name])
    if name == "python3":
        return sys.executable
    return find_node() if name == "node" else shutil.which(name)


def _path(name: str, config: SandboxConfig) -> str | None:
    """The full path of a tool, symbolic links followed."""
    found = _which(name, config)
    if found is not None and name == "rustc":  # rustup's is a proxy that looks for the real one in the home folder
        found = str(Path(_ask(found, "--print", "sysroot"), "bin/rustc"))
    return found and os.path.realpath(found)


def _python(tools: dict[str, str], config: SandboxConfig) -> Kit:
    return Kit(tools=tools, readable=(tools["python3"],))


def _javascript(tools: dict[str, str], config: SandboxConfig) -> Kit:
    """Packages come from the folder that is named, else from the first with js-md5 of those that node looks in."""
    is_named = bool(config.node_modules)
    names = [config.node_modules] if is_named else [*os.environ.get("NODE_PATH", "").split(os.pathsep), "node_modules"]
    folders = [str(Path(name).resolve()) for name in names if name]
    having = [folder for folder in folders if Path(folder, "js-md5").is_dir()]
    chosen = (folders if is_named else having)[:1]
    unset = "" if is_named else "sandbox.node_modules is not set, and "
    return Kit(
        tools=tools,
        environment={"NODE_PATH": chosen[0]} if chosen else {},
        readable=(tools["node"], *chosen),
        missing={} if having else {"js-md5": f"{unset}it is not in {' or '.join(folders)}; npm install js-md5"},
    )


def _java(tools: dict[str, str], config: SandboxConfig) -> Kit:
    """`java` is that of `javac`: another version would refuse its classes. Debian keeps parts of a JDK in /etc."""
    home = Path(tools["javac"]).parent.parent
    links = (path.resolve() for part in ("conf", "lib") for path in (home / part).rglob("*") if path.is_symlink())
    outside = {str(path.parent) for path in links if "java" in str(path) and path.exists() and _is_outside(path, home)}
    libraries = f"{home}/lib:{home}/lib/server"  # without /proc the loader does not know where a program lies
    return Kit(
        tools={**tools, "java": str(home / "bin/java")},
        environment={"LD_LIBRARY_PATH": libraries},
        readable=(str(home), *sorted(outside)),
    )


def _is_outside(path: Path, home: Path) -> bool:
    return not path.is_relative_to(home) and not path.is_relative_to("/usr") and not path.is_relative_to("/etc/ssl")


def _cpp(tools: dict[str, str], config: SandboxConfig) -> Kit:
    return Kit(tools=tools, readable=_prefix(tools["g++"]))


def _go(tools: dict[str, str], config: SandboxConfig) -> Kit:
    root = _ask(tools["go"], "env", "GOROOT")
    folder, missing = go_libraries(tools["go"], BUILD_ENVIRONMENT, config)
    environment = {"GOROOT": root, "GOPATH": config.go_path, "GOCACHE": folder or "{work}/cache"}
    readable = (root, config.go_path, *filter(None, [folder]))
    return Kit(tools=tools, folder=folder, environment=environment, readable=readable, missing=missing)


def _rust(tools: dict[str, str], config: SandboxConfig) -> Kit:
    root = Path(tools["rustc"]).parent.parent
    own = root / "bin/cargo"
    cargo = config.tools.get("cargo") or (str(own) if own.exists() else shutil.which("cargo"))
    folder, missing = rust_libraries(tools["rustc"], cargo, config)
    return Kit(
        tools=tools,
        folder=folder,
        environment={"LD_LIBRARY_PATH": f"{root}/lib"},
        readable=(*_prefix(tools["rustc"]), *filter(None, [folder])),
        missing=missing,
        own_path=tools["rustc"],
    )


def _prefix(tool: str) -> tuple[str, ...]:
    """The folder that a tool outside the system's folders was installed into."""
    return () if Path(tool).is_relative_to("/usr") else (str(Path(tool).parent.parent),)


@functools.cache
def _ask(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd="/")
    return done.stdout.strip()


_FINDERS = {"python": _python, "javascript": _javascript, "java": _java, "go": _go, "cpp": _cpp, "rust": _rust}
