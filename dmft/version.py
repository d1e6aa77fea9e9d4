"""The version of the package, from its metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("dmft")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
