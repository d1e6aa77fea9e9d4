"""The link of the site to its source, which is written in one place of the package."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig

from dmft.version import REPOSITORY


def on_config(config: MkDocsConfig, **_: object) -> MkDocsConfig:
    """Tell the theme where the source is."""
    config.repo_url = REPOSITORY
    return config
