"""`crate init`: write a commented `study.yaml`."""

from __future__ import annotations

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import StudyArgument


@handled
def init(study: StudyArgument) -> None:
    """Write a commented study.yaml to fill in.

    It lists what is found in the folder, and takes over what a CITATION.cff says.

    \b
    Example:
        crate init my-study
    """
    from biocodes_crate.cli.words import describe_study
    from biocodes_crate.study import init_study, read_study

    path = init_study(study)
    console.result(describe_study(read_study(study)))
    console.result(f"Written: {path}")
