import sys
from pathlib import Path

# Contents of crates are shared with the tests of an earlier step.
sys.path.insert(0, str(Path(__file__).parent.parent / "crate"))
