"""The command line: `crate`. Each command parses, calls one library function, shows what it gives."""


def main() -> None:
    """Run the command line."""
    from biocodes_crate.cli.app import app  # importing this package runs nothing

    app()
