import sys
from pathlib import Path

# Contents of crates are shared with the tests of the step before.
sys.path.insert(0, str(Path(__file__).parent.parent / "crate"))
