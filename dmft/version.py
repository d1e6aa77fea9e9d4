"""The version of the package, which `pyproject.toml` reads here, and where its source is, as `pyproject.toml` says."""

__version__ = "0.1.0"
REPOSITORY = "https://github.com/dmft-developers/dmft"
