"""SavedModels that take strings."""

from tfzoo.serving.export import export

__all__ = ["export"]
