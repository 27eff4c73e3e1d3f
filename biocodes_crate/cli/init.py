"""`crate init`: write a commented `study.yaml`."""

from __future__ import annotations

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson, StudyArgument


@handled
def init(study: StudyArgument, as_json: AsJson = False) -> None:
    """Write a commented study.yaml to fill in.

    It lists what is found in the folder, and takes over what a CITATION.cff says.

    \b
    Example:
        crate init my-study
    """
    from biocodes_crate.cli.words import describe_study, study_as_json
    from biocodes_crate.study import init_study, read_study
    from biocodes_crate.study.reading import STUDY_YAML

    if (study / STUDY_YAML).exists():
        init_study(study)  # refuses, and says why
    found = read_study(study)  # before there is a study.yaml, which would be the reason for everything
    path = init_study(study)
    console.answer(as_json, lambda: study_as_json(found, str(path)), lambda: describe_study(found, console.width()))
    console.written(path)
    console.note(f"Next: fill it in, then run `crate build {study}`")
