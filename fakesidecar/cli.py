"""The command line.

fakesidecar daprd [flags]              what the daprd binary is
fakesidecar run [flags] [-- command]   what `dapr run` is, with everything on
fakesidecar run -f dapr.yaml           what `dapr run -f` is
fakesidecar install-daprd DIR          a folder for `dapr run --runtime-path DIR`, or for the PATH
fakesidecar components                 the component types that are served
fakesidecar faults list|add|clear      the fault plan of a sidecar that runs
fakesidecar snapshot save|load         what a sidecar that runs keeps
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; the exit code."""
    if arguments is None:
        # A link to this program by the name of daprd is daprd.
        arguments = [*(["daprd"] if Path(sys.argv[0]).stem == "daprd" else []), *sys.argv[1:]]
    match arguments:
        case ["daprd", *rest]:  # daprd's flags are Go's, and are read as Go reads them
            from fakesidecar.daprd import daprd

            return daprd(rest)
        case ["run", *rest]:
            from fakesidecar.run import run

            return run(rest)
    import click

    try:
        return int(_group().main(arguments, prog_name="fakesidecar", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code


def _group() -> click.Group:
    import click

    from fakesidecar.version import VERSION

    @click.group(context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(VERSION, prog_name="fakesidecar", message="%(prog)s %(version)s")
    def group() -> None:
        """A Dapr sidecar in memory."""

    @group.command(add_help_option=False, short_help="Be daprd: the same flags, log lines and exit codes.")
    def daprd() -> None:
        """Listed for --help; `main` goes there directly."""

    @group.command(add_help_option=False, short_help="Run an application with a sidecar, as `dapr run` does.")
    def run() -> None:
        """Listed for --help; `main` goes there directly."""

    @group.command()
    def components() -> None:
        """List the component types that are served."""
        from fakesidecar.components.registry import served

        for declared in served():
            click.echo(f"{declared.name:<32}{','.join(declared.versions):<8}{' '.join(declared.features)}".rstrip())

    @group.command("install-daprd")
    @click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
    def install_daprd(folder: Path) -> None:
        """Put a `daprd` into FOLDER, for the PATH or for `dapr run --runtime-path FOLDER`."""
        from fakesidecar.install import install

        script = install(folder)
        click.echo(f"{script}\n\n    dapr run --runtime-path {folder} …\n    export PATH={script.parent}:$PATH")

    from fakesidecar import remote

    group.add_command(remote.faults)
    group.add_command(remote.snapshot)
    return group
