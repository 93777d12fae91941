"""Run the official SDKs of other languages, unmodified, against this sidecar.

    python tools/check_sdks.py [javascript] [go]

Each has an application in tests/sdks that uses what its SDK offers and says of each use whether it was right. It is
built in a temporary folder with the tools of its language (which fetch the SDK), and run by `fakesidecar run`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

APPLICATIONS = Path(__file__).resolve().parent.parent / "tests" / "sdks"


@dataclass(frozen=True)
class Language:
    """How an application is built and run."""

    protocol: str
    build: tuple[tuple[str, ...], ...]
    command: tuple[str, ...]


LANGUAGES = {
    "javascript": Language("http", (("npm", "install", "--silent", "--no-audit", "--no-fund"),), ("node", "check.js")),
    "go": Language("grpc", (("go", "mod", "tidy"), ("go", "build", "-o", "check", ".")), ("./check",)),
}


def check(name: str, folder: Path) -> bool:
    """Build and run one application; whether every use was right."""
    language = LANGUAGES[name]
    shutil.copytree(APPLICATIONS / name, folder, dirs_exist_ok=True)
    _write_key(folder / "keys")
    for command in language.build:
        subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "fakesidecar", "run", "--app-id", "check", "--app-port", str(_free_port()),
         "--app-protocol", language.protocol, "--log-level", "warn",
         "--resources-path", str(APPLICATIONS / "resources"), "--", *language.command],
        cwd=folder,
        env={**os.environ, "FAKESIDECAR_NAMES": "off"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )  # fmt: skip
    said = [line.removeprefix("== APP == ") for line in done.stdout.splitlines()]
    right = [line for line in said if line.startswith("ok ")]
    wrong = [line for line in said if line.startswith("FAIL ")]
    sys.stdout.write(f"{name}: {len(right)} of {len(right) + len(wrong)} uses right\n")
    for line in wrong:
        sys.stdout.write(f"    {line}\n")
    return bool(right) and not wrong


def _write_key(folder: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    folder.mkdir()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "rsa.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _free_port() -> int:
    """A port for the application: `--app-port` names it before the application binds it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    """Check the languages that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", nargs="*", help=f"of {', '.join(LANGUAGES)}; all by default")
    names = parser.parse_args().language or list(LANGUAGES)
    with tempfile.TemporaryDirectory() as folder:
        results = [check(name, Path(folder) / name) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
