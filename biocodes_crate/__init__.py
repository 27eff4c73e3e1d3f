"""Link the panels of figures to the image planes they show, and prove it on the pixels.

    import biocodes_crate as bc

    crate = bc.build("my-study")
    crate.edges
    crate.figures["fig1.png"].panels["A"].source.plot()

Importing this package runs nothing: what it offers is imported when it is first used. Underneath is
a pipeline; each step is a sub-package that can be used alone, and imports only from the steps to its
left:

    images → study → codes | figures → tracing → crate → validation → report | deposit | export | watch
    → pipeline → api → cli
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biocodes_crate.api import Crate, build, code, compare, init, open, trace, validate  # noqa: A004

__version__ = "0.1.0"

__all__ = ["Crate", "__version__", "build", "code", "compare", "init", "open", "trace", "validate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        import importlib  # noqa: PLC0415 - importing the package must stay light

        return getattr(importlib.import_module("biocodes_crate.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
