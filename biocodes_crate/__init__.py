"""Link the panels of figures to the image planes they show, and prove it on the pixels.

The package is a pipeline; each step is a sub-package that can be used alone, and imports only
from the steps to its left:

    images → study → codes | figures → tracing → crate → validation → report → pipeline → cli

Start with :func:`biocodes_crate.pipeline.build_study`. Importing this package runs nothing.
"""

__version__ = "0.1.0"
