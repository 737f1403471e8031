"""The command line: `tocsin COMMAND`.

Every command lies in its own file and imports what it needs when it runs, so that `tocsin --help` answers at once.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the arguments name."""
    from monitor.tidying import tidy_seldom

    tidy_seldom()  # before the imports, which make most of the objects there will ever be
    from monitor.cli.program import program

    program(sys.argv[1:], standalone_mode=True)
