"""``python -m infra.cli``: how `dits up` starts its own processes, whatever the PATH says."""

from infra.cli import main

main()
