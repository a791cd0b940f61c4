"""SavedModels of others, whatever they compute, as Keras layers."""

from tfzoo.hub.hub_layer import HubLayer

__all__ = ["HubLayer"]
