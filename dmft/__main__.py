"""`python -m dmft` is the program `dmft`."""

from dmft.cli.main import main

main()
