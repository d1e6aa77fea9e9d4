"""Simulations: finite systems on exactly the problem of a file; importing this package registers every model that has one."""

from dmft.models.hinge import simulation as hinge
from dmft.models.online_sgd import simulation as online_sgd
from dmft.models.random_features import simulation as random_features
from dmft.models.two_layer_flow import simulation as two_layer_flow

__all__ = ["hinge", "online_sgd", "random_features", "two_layer_flow"]
